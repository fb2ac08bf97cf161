"""A socket whose client disconnects during a send, or that receives messages before it is open."""

import asyncio
import json
from typing import Any, cast

import pytest
from autobahn.exception import Disconnected

from clarion.edge.connection import Connection
from clarion.edge.outgoing import Send
from clarion.edge.reader import Access, ConnectState, InboxReader, Missed
from clarion.edge.transport import WebSocketTransport
from clarion.shared import metrics
from clarion.shared.inbox.queries import Head
from clarion.shared.messages import POSITION, frame_message
from clarion.shared.settings import Settings


def connection(send: Send, reader: object = None) -> Connection:
    """A connection with as much of a process as it uses while nothing is missing."""
    settings = Settings(debug=True)
    return Connection(WebSocketTransport(send), "session", settings=settings, reader=cast(InboxReader, reader), acks={})


async def test_send_to_closed_client() -> None:
    """Sending to a client that has just disconnected closes the socket without an error."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if len(sent) == 2:
            raise Disconnected("Attempt to send on a closed protocol")

    socket = connection(send)
    socket.stream.open(0)
    for seq in (1, 2, 3):
        socket.received(dict(frame_message(seq, f"frame {seq}")))
    assert socket.closed
    assert [message["text"] for message in sent] == ["frame 1", "frame 2"]


@pytest.mark.parametrize("epoch,told", [("now", [1]), (None, [1]), ("lost", [])])
async def test_frame_before_open(epoch: str | None, told: list[int]) -> None:
    """A frame received before the socket is open is sent if it belongs to the current epoch."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(json.loads(message["text"]))

    asked = asyncio.Event()

    class Postgres:
        async def missed(self, user_id: int, after: int) -> Missed:
            asked.set()
            return Missed(Head("now", 0, 0, 0), ())

    socket = connection(send, Postgres())
    socket.received(dict(frame_message(1, '{"seq": 1}', epoch=epoch)))
    socket.open(
        ConnectState(1, "ann", Access(active=True, not_before=None), Missed(Head("now", 0, 0, 0), ())), None, None
    )
    assert [message["seq"] for message in sent[1:]] == told
    if not told:  # whether there is one of this history is asked of Postgres
        async with asyncio.timeout(30):
            await asked.wait()


def ignored() -> float:
    (family,) = metrics.LAYER_IGNORED.collect()
    return family.samples[0].value


@pytest.mark.parametrize(
    "message",
    [
        {"type": "chat.message", "text": "hello"},
        {"type": "notification.frame"},
        {"type": "notification.frame", "own": [1], "rest": ""},
        {"type": "notification.frame", "own": ["1", "text"], "rest": ""},
        {"type": "notification.frame", "own": [1, 2], "rest": ""},
        {"type": "notification.frame", "own": [1, "text"], "rest": None},
        {"type": "notification.frame", "own": None, "rest": ""},
        {"type": "notification.ended"},
        {"type": None},
    ],
)
async def test_foreign_group_message(message: dict[str, Any]) -> None:
    """A foreign message on a user's group is counted and ignored."""
    sent: list[dict[str, Any]] = []

    async def send(frame: dict[str, Any]) -> None:
        sent.append(frame)

    socket = connection(send)
    socket.stream.open(0)
    before = ignored()
    socket.received(message)
    assert ignored() == before + 1
    socket.received(dict(frame_message(1, "frame 1")))
    assert [frame["text"] for frame in sent] == ["frame 1"]


async def test_position_without_text() -> None:
    """The position of a frame whose text was dropped makes the socket read the log."""
    asked = asyncio.Event()

    async def send(_: dict[str, Any]) -> None:
        pass

    class Postgres:
        async def missed(self, user_id: int, after: int) -> Missed:
            asked.set()
            return Missed(Head("now", 3, 0, 0), [(seq, "frame") for seq in range(after + 1, 4)])

    socket = connection(send, Postgres())
    socket.open(
        ConnectState(1, "ann", Access(active=True, not_before=None), Missed(Head("now", 0, 0, 0), ())), None, None
    )
    socket.received({"type": POSITION, "epoch": "now", "seq": 3})
    async with asyncio.timeout(30):
        await asked.wait()
        while socket.stream.behind:  # noqa: ASYNC110 - nothing else says so
            await asyncio.sleep(0.01)
    assert socket.stream.last == 3
