"""Publishing a batch, from rows to the replies of the layer's Redis, relative to the same messages prebuilt."""

import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

from rich.console import Console

from benchmarks.areas.edge import publish_command, read_replies, valkey_port
from benchmarks.figures import Figure, details, ratio
from benchmarks.testbed import Peer
from clarion.pipeline import publish
from clarion.pipeline.persist import Created, Stored
from clarion.shared.channel_layer import channel_layer
from clarion.shared.groups import user_group
from clarion.shared.messages import FRAME
from clarion.shared.protocol import AnnouncedFrames, NotificationContent

AREA = "publish"
RECIPIENTS = 2_000
RUNS = 9
BATCHES = 10  # of one run
ANNOUNCED = NotificationContent(
    "THREAD_REPLY", datetime.now(UTC), {"thread_title": "A thread", "excerpt": "x" * 100, "url": "/threads/1/"},
    1, "ann", "forum.thread:1", "1", "1",
)  # fmt: skip


def measure(console: Console) -> Iterator[Figure]:
    """Frames a second to no edge, one, and four."""
    copies = [(user, 5, 3, False) for user in range(RECIPIENTS)]
    stored, now = [Stored(ANNOUNCED, copies)], datetime.now(UTC)
    commands = _prebuilt(copies, now.timestamp())
    channel = channel_layer().channel_of(user_group(0)[:-1])
    for edges in (0, 1, 4):
        ours: list[float] = []
        theirs: list[float] = []
        with ExitStack() as stack:
            valkey = stack.enter_context(socket.create_connection(("127.0.0.1", valkey_port())))
            for _ in range(edges):
                listener = (sys.executable, "-m", "benchmarks.peers.subscriber", str(valkey_port()), channel)
                stack.enter_context(Peer(*listener, str(RECIPIENTS)))
            for _ in range(RUNS):
                begun = time.perf_counter()
                for _ in range(BATCHES):
                    valkey.sendall(commands)
                    read_replies(valkey, RECIPIENTS)
                between = time.perf_counter()
                for _ in range(BATCHES):
                    publish.publish(stored, now)
                theirs.append(BATCHES * RECIPIENTS / (between - begun))
                ours.append(BATCHES * RECIPIENTS / (time.perf_counter() - between))
        runs = details("Clarion {ours:,.0f}/s, prebuilt {theirs:,.0f}/s", ours=ours, theirs=theirs)
        subscribers = f"{edges} edge{'' if edges == 1 else 's'}"
        console.print(f"  {subscribers}: {runs}", style="dim")
        yield ratio(
            f"publish.{edges}", AREA, f"frames/s to {subscribers}, relative to a prebuilt pipeline",
            f"THREAD_REPLY, batches of {RECIPIENTS:,}", ours, theirs, at_least=0.5, details=runs,
        )  # fmt: skip


def _prebuilt(copies: Sequence[Created], since: float) -> bytes:
    layer = channel_layer()
    frames = AnnouncedFrames(ANNOUNCED)
    shared = {"type": FRAME, "since": since, "rest": frames.rest}
    beginning = layer.channel_of("")
    return b"".join(
        publish_command(
            f"{beginning}{user_group(user_id)}".encode(),
            layer.serialize({**shared, "own": (seq, frames.created(seq, unread))}),
        )
        for user_id, seq, unread, _ in copies
    )
