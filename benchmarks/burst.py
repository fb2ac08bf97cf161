"""`make burst`: one message in a thread of many, some of them connected, against the running stack.

Input: the number of recipients and of those online; another kind, and the number of messages in a row. Output: a
table and, as the last line, the same as one JSON object; exit code 1 if anything was lost, repeated or out of order.
The message is saved as a request of the web app saves it; the sockets are real and go through the real edge.
"""

import asyncio
import json
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.running import join_stack

if TYPE_CHECKING:
    from examples.forum.burst_users import Crowd

#: The kind of a message in a thread.
MESSAGE = "THREAD_REPLY"

#: Longest wait for the last frame (seconds): the edge finds a lost frame within half a minute.
PATIENCE_SECONDS = 60
#: Further seconds for each recipient, on the slowest machine.
PATIENCE_A_RECIPIENT = 0.002
#: Interval between two queries for the progress (seconds).
POLL_SECONDS = 0.05

_PROGRESS = """
SELECT coalesce(sum(b.published), 0), count(*) FILTER (WHERE e.state IN ('done', 'failed')),
       coalesce(extract(epoch FROM max(b.finished_at) - min(e.recorded_at)), 0)
  FROM clarion_event e
  LEFT JOIN LATERAL (
       SELECT sum(cardinality(recipients)) FILTER (WHERE state = 'done') AS published, max(finished_at) AS finished_at
         FROM clarion_batch WHERE event_id = e.id) b ON true
 WHERE e.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a burst. Times begin at the commit of their event; memory is in MiB."""

    kind: str
    storm: int
    recipients: int
    online: int
    recorded: int
    persisted: int
    published: int
    received: int
    lost: int
    repeated: int
    out_of_order: int
    poster_ms: float
    persist_s: float
    last_received_s: float
    p50_ms: float
    p99_ms: float
    worker_peak_mib: float

    @property
    def ok(self) -> bool:
        """Whether nothing was lost, repeated or out of order."""
        return not (self.lost or self.repeated or self.out_of_order)


app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def main(
    recipients: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Number of participants of the thread.")
    ] = 10_000,
    online: Annotated[int, typer.Option(min=0, max=20_000, help="Number of recipients who are connected.")] = 200,
    kind: Annotated[
        str, typer.Option(help="Kind of the notification; any but THREAD_REPLY is sent without a message.")
    ] = MESSAGE,
    storm: Annotated[int, typer.Option(min=1, max=1_000, help="Number of messages in a row.")] = 1,
) -> None:
    """Notify many users together, and count the arrivals."""
    console = Console()
    if online > recipients:
        raise typer.BadParameter(f"only recipients can be online: {online} is more than {recipients}")
    _allow_files(online + 200)
    url = join_stack(console)
    result = asyncio.run(_burst(url, recipients, online, kind, storm, console))
    console.print(_table(result))
    print(json.dumps(asdict(result)))
    raise typer.Exit(0 if result.ok else 1)


async def _burst(url: str, recipients: int, online: int, kind: str, storm: int, console: Console) -> Result:
    from benchmarks.listeners import Listeners
    from benchmarks.memory import WorkerMemory
    from examples.forum import burst_users

    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        preparing = progress.add_task("preparing", total=recipients)
        crowd = await asyncio.to_thread(burst_users.gather, recipients)
        await asyncio.to_thread(_warm_up, kind)
        memory = await asyncio.to_thread(WorkerMemory)
        progress.update(preparing, completed=recipients)

        connecting = progress.add_task("connecting", total=online)
        listeners = Listeners(url)
        try:
            # Evenly among the recipients, so that the first and the last batch are both listened to.
            listening = [crowd.user_ids[number * recipients // online] for number in range(online)]
            await listeners.connect(listening, lambda: progress.advance(connecting))
            posted = await asyncio.to_thread(lambda: [_post(crowd, kind) for _ in range(storm)])
            names = [post.name for post in posted]
            deadline = time.monotonic() + PATIENCE_SECONDS + recipients * storm * PATIENCE_A_RECIPIENT
            publishing = progress.add_task("publishing", total=recipients * storm)
            receiving = progress.add_task("receiving", total=online * storm)
            while time.monotonic() < deadline:
                memory.look()
                published, finished, persist_seconds = await asyncio.to_thread(_progress, posted)
                received = sum(len(listeners.times(name)) for name in names)
                progress.update(publishing, completed=published)
                progress.update(receiving, completed=received)
                if finished == storm and received == online * storm:
                    break
                await asyncio.sleep(POLL_SECONDS)
            await listeners.settled()
        finally:
            await listeners.close()

    times = sorted(at - post.committed_at for post in posted for at in listeners.times(post.name))
    persisted = await asyncio.to_thread(_persisted, posted)
    return Result(
        kind=kind,
        storm=storm,
        recipients=recipients,
        online=online,
        recorded=len({post.event_id for post in posted}),
        persisted=persisted,
        published=published,
        received=len(times),
        lost=(recipients * storm - persisted) + (online * storm - len(times)),
        repeated=sum(listener.repeated for listener in listeners.all),
        out_of_order=sum(listener.out_of_order for listener in listeners.all),
        poster_ms=round(statistics.median(post.seconds for post in posted) * 1000, 2),
        persist_s=round(persist_seconds, 3),
        last_received_s=round(max(times, default=0), 3),
        p50_ms=round(statistics.median(times) * 1000, 1) if times else 0,
        p99_ms=round(times[int(len(times) * 0.99)] * 1000, 1) if times else 0,
        worker_peak_mib=memory.peak_mib,
    )


@dataclass(frozen=True, slots=True)
class Posted:
    """One event: its row, the `messageId` of its frames, the request time, and the time of its commit."""

    event_id: int
    name: str
    seconds: float
    committed_at: float  # time.perf_counter()


def _warm_up(kind: str) -> None:
    """Open the connections to Postgres and the broker, as a process of the web app has them."""
    from examples.forum import burst_users

    _post(burst_users.gather(1), kind)


def _post(crowd: "Crowd", kind: str) -> Posted:
    """Save and commit, as the web app does in a request."""
    from django.db import transaction

    from clarion.pipeline.outbox.models import Event

    committed: list[float] = []
    begun = time.perf_counter()
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.perf_counter()))
        key, name = crowd.post() if kind == MESSAGE else crowd.notify(kind)
    seconds = time.perf_counter() - begun
    return Posted(Event.objects.values_list("pk", flat=True).get(key=key), name, seconds, committed[0])


def _progress(posted: Sequence[Posted]) -> tuple[int, int, float]:
    """Recipients published to, events finished, and seconds from the first event to the last batch."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(_PROGRESS, [[post.event_id for post in posted]])
        published, finished, seconds = cursor.fetchone()
    return int(published), int(finished), float(seconds)


def _persisted(posted: Sequence[Posted]) -> int:
    """Return the number of notifications of these events."""
    from clarion.shared.inbox.models import Notification

    return Notification.objects.filter(event_id__in=[post.event_id for post in posted]).count()


def _table(result: Result) -> Table:
    times = "" if result.storm == 1 else f", {result.storm} times"
    title = f"{result.kind} to {result.recipients:,} recipients, {result.online:,} of them connected{times}"
    table = Table(title=title, title_justify="left", box=None, show_header=False, min_width=len(title))
    table.add_column(style="bold")
    table.add_column(justify="right")
    rows = {
        "events recorded": f"{result.recorded:,}",
        "notifications persisted": f"{result.persisted:,}",
        "frames published": f"{result.published:,}",
        "received by sockets": f"{result.received:,}",
        "lost": f"{result.lost:,}",
        "repeated": f"{result.repeated:,}",
        "out of order": f"{result.out_of_order:,}",
        "request time": f"{result.poster_ms:,.1f} ms",
        "time to last batch": f"{result.persist_s:,.3f} s",
        "time to last socket": f"{result.last_received_s:,.3f} s",
        "commit to socket, p50": f"{result.p50_ms:,.1f} ms",
        "commit to socket, p99": f"{result.p99_ms:,.1f} ms",
        "largest worker": f"{result.worker_peak_mib:,.1f} MiB",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _allow_files(needed: int) -> None:
    """Raise the limit of open files, because each socket is one; the usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard)
        )


if __name__ == "__main__":
    app()
