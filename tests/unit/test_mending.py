"""Repairs of a stream whose log in Postgres does not fit what the socket was sent."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from clarion.edge.connection import Connection
from clarion.edge.reader import Access, ConnectState, InboxReader, Missed
from clarion.edge.transport import WebSocketTransport
from clarion.shared.inbox.queries import Head
from clarion.shared.settings import Settings


@dataclass
class Log:
    """An inbox as Postgres has it: the head, and the seqs of its log. It counts how often it is read."""

    head: int
    seqs: Sequence[int]
    reads: int = 0

    async def missed(self, user_id: int, after: int) -> Missed:
        self.reads += 1
        await asyncio.sleep(0)
        return Missed(Head("now", self.head, 1, 0), [(seq, f'{{"seq": {seq}}}') for seq in self.seqs if seq > after])


def opened(log: Log, at: int) -> tuple[Connection, list[dict[str, Any]]]:
    """A socket that follows from seq `at`, and the frames that it sends."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(json.loads(message["text"]))

    settings, reader = Settings(debug=True), cast(InboxReader, log)
    socket = Connection(WebSocketTransport(send), "session", settings=settings, reader=reader, acks={})
    access = Access(active=True, not_before=None)
    socket.open(ConnectState(1, "ann", access, Missed(Head("now", at, 0, 0), ())), at, "now")
    sent.clear()  # CONNECTED
    return socket, sent


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the socket announces nothing
            await asyncio.sleep(0.01)


async def test_sent_seq_missing_in_postgres() -> None:
    """A seq that Postgres lacks in two comparisons leads to RESYNC.

    The transaction of its frame was rolled back: the next notification takes the same seq and would be dropped.
    """
    log = Log(head=4, seqs=())
    socket, sent = opened(log, at=5)
    socket.compare("now", 4, sent=5)
    assert (sent, log.reads) == ([], 0)  # a replica may lag behind once
    socket.compare("now", 4, sent=5)
    await until(lambda: bool(sent))
    assert (sent[0]["type"], sent[0]["reason"], sent[0]["seq"]) == ("RESYNC", "AHEAD", 4)
    assert socket.stream.last == 4


async def test_reused_seq() -> None:
    """A missing seq that is used again before the repair still leads to RESYNC."""
    log = Log(head=6, seqs=(6,))
    socket, sent = opened(log, at=5)
    socket.compare("now", 4, sent=5)
    socket.compare("now", 4, sent=5)
    await until(lambda: bool(sent))
    assert (sent[0]["type"], sent[0]["seq"]) == ("RESYNC", 6)


async def test_head_read_before_frame() -> None:
    """A head that was read before a frame was sent is not counted as a loss.

    The read and the frame may cross any number of times.
    """
    socket, sent = opened(Log(head=6, seqs=()), at=5)
    for _ in range(3):
        socket.compare("now", 4, sent=4)
    socket.compare("now", 4, sent=5)
    socket.compare("now", 5, sent=5)
    socket.compare("now", 4, sent=5)
    assert sent == []


async def test_hole_in_log() -> None:
    """A hole in the log leads to RESYNC after two reads without progress."""
    log = Log(head=3, seqs=(1, 3))
    socket, sent = opened(log, at=0)
    socket.compare("now", 3, sent=0)
    await until(lambda: len(sent) == 2)
    assert sent[0] == {"seq": 1}
    assert (sent[1]["type"], sent[1]["reason"], sent[1]["seq"]) == ("RESYNC", "PURGED", 3)
    assert socket.stream.last == 3
    assert log.reads <= 5
