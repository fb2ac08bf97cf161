"""`make burst`: one message in a thread of many, some of them connected, against the running stack.

Enters: how many recipients, how many of them online. Leaves: a table and, as the last line, the same as one JSON
object; exit code 1 if anything was lost, repeated or out of order. The message is saved as a request of the web app
saves it; the sockets are real and go through the real edge.
"""

import asyncio
import json
import os
import resource
import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import django
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dev.stack import NoStack, load_stack

if TYPE_CHECKING:
    from benchmarks.crowd import Crowd

#: How long to wait for the last of it (seconds): a lost frame is found by the edge within half a minute.
PATIENCE_SECONDS = 60
#: And more for each recipient, on the slowest machine.
PATIENCE_A_RECIPIENT = 0.002
#: How often to look (seconds).
LOOK_SECONDS = 0.05

_PROGRESS = """
SELECT coalesce(sum(cardinality(b.recipients)) FILTER (WHERE b.state = 'done'), 0), e.state,
       extract(epoch FROM max(b.finished_at) - e.recorded_at)
  FROM outbox_event e LEFT JOIN outbox_batch b ON b.event_id = e.id
 WHERE e.key = %s GROUP BY e.id
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a burst. Times begin at the commit of the message."""

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

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.repeated or self.out_of_order)


app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def main(
    recipients: Annotated[int, typer.Option(min=1, max=1_000_000, help="People who take part in the thread.")] = 10_000,
    online: Annotated[int, typer.Option(min=0, max=20_000, help="How many of them are connected.")] = 200,
) -> None:
    """Tell many people at once, and see what arrives."""
    console = Console(stderr=False)
    try:
        os.environ.update(load_stack())
    except NoStack as missing:
        console.print(str(missing))
        raise typer.Exit(2) from missing
    if online > recipients:
        raise typer.BadParameter(f"only recipients can be online: ONLINE={online} is more than RECIPIENTS={recipients}")
    _allow_files(online + 200)
    django.setup()
    result = asyncio.run(_burst(recipients, online, console))
    console.print(_table(result))
    print(json.dumps(asdict(result)))
    raise typer.Exit(0 if result.ok else 1)


async def _burst(recipients: int, online: int, console: Console) -> Result:
    from benchmarks import crowd as crowds
    from benchmarks.listeners import Listeners

    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        preparing = progress.add_task("preparing", total=recipients)
        crowd = await asyncio.to_thread(crowds.gather, recipients)
        await asyncio.to_thread(_warm_up)
        progress.update(preparing, completed=recipients)

        connecting = progress.add_task("connecting", total=online)
        listeners = Listeners(
            f"ws://{os.environ['CLARION_BIND']}:{os.environ['CLARION_EDGE_PORT']}/ws/notification-updates/"
        )
        try:
            # Evenly among the recipients, so that the first and the last batch are both listened to.
            listening = [crowd.user_ids[number * recipients // online] for number in range(online)]
            await listeners.connect(listening, lambda: progress.advance(connecting))
            message_id, poster_seconds, committed_at = await asyncio.to_thread(_post, crowd)
            deadline = time.monotonic() + PATIENCE_SECONDS + recipients * PATIENCE_A_RECIPIENT
            publishing = progress.add_task("publishing", total=recipients)
            receiving = progress.add_task("receiving", total=online)
            while time.monotonic() < deadline:
                published, state, persist_seconds = await asyncio.to_thread(_progress, message_id)
                received = len(listeners.times(str(message_id)))
                progress.update(publishing, completed=published)
                progress.update(receiving, completed=received)
                if state in ("done", "failed") and received == online:
                    break
                await asyncio.sleep(LOOK_SECONDS)
            await listeners.settled()
        finally:
            await listeners.close()

    times = [came_at - committed_at for came_at in listeners.times(str(message_id))]
    recorded, persisted = await asyncio.to_thread(_persisted, message_id)
    return Result(
        recipients=recipients,
        online=online,
        recorded=recorded,
        persisted=persisted,
        published=published,
        received=len(times),
        lost=(recipients - persisted) + (online - len(times)),
        repeated=sum(listener.repeated for listener in listeners.all),
        out_of_order=sum(listener.out_of_order for listener in listeners.all),
        poster_ms=round(poster_seconds * 1000, 2),
        persist_s=round(persist_seconds, 3),
        last_received_s=round(max(times, default=0), 3),
        p50_ms=round(statistics.median(times) * 1000, 1) if times else 0,
        p99_ms=round(times[int(len(times) * 0.99)] * 1000, 1) if times else 0,
    )


def _warm_up() -> None:
    """A process of the web app has its connections to Postgres and the broker open; so has ours, after this."""
    from benchmarks import crowd

    crowd.gather(1).post()


def _post(crowd: "Crowd") -> tuple[int, float, float]:
    """Save the message: its id, how long that took (seconds), and when it was committed (time.perf_counter())."""
    from django.db import transaction

    committed: list[float] = []
    begun = time.perf_counter()
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.perf_counter()))
        message = crowd.post()
    return message.pk, time.perf_counter() - begun, committed[0]


def _progress(message_id: int) -> tuple[int, str, float]:
    """How many of the message's recipients were published to, its event's state, and seconds until the last batch."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(_PROGRESS, [f"forum.message.posted:{message_id}"])
        published, state, seconds = cursor.fetchone() or (0, "missing", None)
    return int(published), str(state), float(seconds or 0)


def _persisted(message_id: int) -> tuple[int, int]:
    """How many events the message has, and how many notifications they made."""
    from pipeline.outbox.models import Event
    from shared.inbox.models import Notification

    events = list(Event.objects.filter(key=f"forum.message.posted:{message_id}").values_list("pk", flat=True))
    return len(events), Notification.objects.filter(event_id__in=events).count()


def _table(result: Result) -> Table:
    table = Table(title=f"One message to {result.recipients:,} people, {result.online:,} of them connected", box=None)
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
        "poster's wait": f"{result.poster_ms:,.1f} ms",
        "time to last batch": f"{result.persist_s:,.3f} s",
        "time to last socket": f"{result.last_received_s:,.3f} s",
        "commit to socket, p50": f"{result.p50_ms:,.1f} ms",
        "commit to socket, p99": f"{result.p99_ms:,.1f} ms",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _allow_files(needed: int) -> None:
    """A socket is a file; the usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard)
        )


if __name__ == "__main__":
    app()
