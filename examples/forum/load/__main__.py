"""One load: events for a minute, then a wait for those on the way.

Input: the environment of the running stack. Output: the counts, reported to the runner several times a second. Ends
with code 0 when nothing is on the way, or what is missing counts as lost.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict

import django

#: Interval between two reports (seconds).
_REPORT_SECONDS = 0.25

#: Longest wait for the first connections (seconds).
_CONNECT_SECONDS = 60


async def _run() -> None:
    # Only with Django ready.
    from examples.forum.load.follower import Addresses, Follower
    from examples.forum.load.recorder import Recorder, until_done, user_ids
    from examples.forum.load.tally import Tally
    from examples.forum.runner import ask

    tally = Tally()
    users = await until_done(user_ids)
    host = os.environ["CLARION_BIND"]
    addresses = Addresses(
        edge=f"ws://{host}:{os.environ['CLARION_EDGE_PORT']}/ws/notification-updates/",
        web=f"http://{host}:{os.environ['CLARION_WEB_PORT']}",
    )
    followers = [Follower(user, addresses, tally) for user in users]
    recorder = Recorder(users, tally)
    phase = "connecting"

    async def report() -> None:
        await asyncio.sleep(_REPORT_SECONDS)
        now = time.monotonic()
        left = max(0, round(recorder.ends_at - now)) if phase == "recording" else 0
        figures = asdict(tally.counts(now)) | {"phase": phase, "seconds_left": left, "users": len(users)}
        await asyncio.to_thread(ask, f"report {json.dumps(figures)}")

    async def keep_reporting() -> None:
        while True:
            await report()

    async with asyncio.TaskGroup() as group:
        background = [group.create_task(one.run()) for one in followers]
        background.append(group.create_task(keep_reporting()))
        async with asyncio.timeout(_CONNECT_SECONDS):
            await asyncio.gather(*(one.connected() for one in followers))
        phase = "recording"
        await recorder.run()
        phase = "waiting"
        while tally.counts(time.monotonic()).on_the_way:  # Each is delivered, or counts as lost after a while.
            await report()
        await asyncio.gather(*(one.settled() for one in followers))
        for task in background:
            task.cancel()
    phase = "done"
    await report()


def main() -> int:
    """Run one load."""
    django.setup()
    asyncio.run(_run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
