"""Messages to a server whose `send` waits: order, size, and a client that has left."""

import asyncio
from typing import Any

import pytest

from clarion.edge.outgoing import Outgoing


class Server:
    """A server that accepts messages while the client's network does."""

    def __init__(self) -> None:
        self.accepts = asyncio.Event()
        self.accepts.set()
        self.sent: list[int] = []
        self.is_gone = False

    async def send(self, message: dict[str, Any]) -> None:
        await self.accepts.wait()
        if self.is_gone:
            raise OSError
        self.sent.append(message["number"])


def put(outgoing: Outgoing, *numbers: int) -> list[bool]:
    return [outgoing.put({"number": number}, 10) for number in numbers]


async def test_inline_send() -> None:
    """A message that the server accepts immediately is sent before `put` returns."""
    server = Server()
    outgoing = Outgoing(server.send)
    assert put(outgoing, 1, 2) == [True, True]
    assert (server.sent, outgoing.waiting) == ([1, 2], 0)


async def test_waiting_messages_in_order() -> None:
    """Messages wait in order while the server accepts none, and their bytes are counted."""
    server = Server()
    outgoing = Outgoing(server.send)
    server.accepts.clear()
    assert put(outgoing, 1, 2, 3) == [True] * 3
    await asyncio.sleep(0)
    assert (server.sent, outgoing.waiting) == ([], 30)
    server.accepts.set()
    put(outgoing, 4)
    await outgoing.flush()
    assert (server.sent, outgoing.waiting) == ([1, 2, 3, 4], 0)
    put(outgoing, 5)
    assert server.sent[-1] == 5


async def test_client_gone() -> None:
    """A message to a client that has left returns False, and those that waited for it are dropped."""
    server = Server()
    outgoing = Outgoing(server.send)
    server.accepts.clear()
    put(outgoing, 1, 2)
    server.is_gone = True
    server.accepts.set()
    await outgoing.flush()
    assert (server.sent, outgoing.waiting) == ([], 0)
    assert put(outgoing, 3) == [False]


async def test_server_that_accepts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flushing ends after a bound although the server accepts nothing."""
    monkeypatch.setattr("clarion.edge.outgoing.LINGER_SECONDS", 0.01)
    server = Server()
    outgoing = Outgoing(server.send)
    server.accepts.clear()
    put(outgoing, 1)
    await outgoing.flush()
    assert outgoing.waiting == 10


async def test_unexpected_error(caplog: pytest.LogCaptureFixture) -> None:
    """An error of the server is logged, and the next message is sent."""
    failures = [RuntimeError("no")]
    sent: list[int] = []

    async def send(message: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        if failures:
            raise failures.pop()
        sent.append(message["number"])

    outgoing = Outgoing(send)
    put(outgoing, 1, 2)
    await outgoing.flush()
    assert sent == [2]
    assert "did not accept a message" in caplog.text
