"""A subscriber comes back from every loss, even if the tasks of the lost connection ignore their cancellation."""

import asyncio
from collections.abc import Callable

import pytest

from clarion.shared import host_connection, subscriber
from clarion.shared.subscriber import Subscriber

#: Longest wait for a condition (seconds).
PATIENCE_SECONDS = 30


class Transport:
    def abort(self) -> None:
        pass


class Writer:
    transport = Transport()


class FakeConnection:
    """Stands for redis-py's connection. `swallow` names the methods that lose a cancellation, as `wait_for` may."""

    _writer = Writer()

    def __init__(self, swallow: frozenset[str]) -> None:
        self.swallow = swallow
        self._reader = asyncio.StreamReader()
        self.sending = asyncio.Event()
        self.blocked = False

    async def _maybe_swallow(self, name: str) -> None:
        if name in self.swallow:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return

    async def connect(self) -> None:
        await self._maybe_swallow("connect")

    async def send_command(self, command: str, *channels: str, check_health: bool) -> None:
        if command == "SUBSCRIBE":
            for channel in channels:
                self._reader.feed_data(
                    b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%b\r\n:1\r\n" % (len(channel), channel.encode())
                )
        if self.blocked:
            self.sending.set()
            await self._maybe_swallow("send")

    def lose(self) -> None:
        self._reader.feed_eof()

    def _close(self) -> None:
        pass


class Layer:
    prefix = "test"

    def __init__(self) -> None:
        self.returns = 0

    def received(self, name: str, data: bytes) -> None:
        pass

    def position(self, data: bytes) -> tuple[str | None, int] | None:
        return None

    def exists(self, name: str, epoch: str | None, seq: int) -> None:
        pass

    def returned(self) -> None:
        self.returns += 1


class Made:
    """A subscriber on fake connections, and the connections that it made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, swallow: str = "") -> None:
        self.connections: list[FakeConnection] = []
        self.layer = Layer()
        self.subscriber = Subscriber({"address": "redis://127.0.0.1:1"}, self.layer)
        self._swallow = frozenset(swallow.split())
        monkeypatch.setattr(self.subscriber._pool, "make_connection", self._make)
        monkeypatch.setattr(subscriber, "RECONNECT_FIRST_SECONDS", 0.001)

    def _make(self) -> FakeConnection:
        first = not self.connections
        self.connections.append(FakeConnection(self._swallow if first else frozenset()))
        return self.connections[-1]


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - many conditions, one way to wait
            await asyncio.sleep(0.001)


async def test_loss_with_swallowed_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The subscriber recovers from a loss during a send that swallows the cancellation."""
    made = Made(monkeypatch, "send")
    made.subscriber.start()
    await eventually(lambda: made.layer.returns == 1)
    first = made.connections[0]
    first.blocked = True
    confirmed = made.subscriber.want("channel")
    await first.sending.wait()
    first.lose()
    await eventually(lambda: made.layer.returns == 2)
    assert made.subscriber.is_up
    await asyncio.wait_for(confirmed, PATIENCE_SECONDS)
    await asyncio.wait_for(made.subscriber.flush(), PATIENCE_SECONDS)


async def test_flush_with_swallowed_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flushing ends although an unsubscribe swallows the cancellation."""
    made = Made(monkeypatch, "send")
    made.subscriber.want("channel")
    await eventually(lambda: made.layer.returns == 1)
    first = made.connections[0]
    first.blocked = True
    made.subscriber.drop("channel")
    await first.sending.wait()
    await asyncio.wait_for(made.subscriber.flush(), PATIENCE_SECONDS)
    assert not made.subscriber.is_up


async def test_silent_connection_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent connection is replaced even if its tasks never end."""
    monkeypatch.setattr(host_connection, "SILENCE_SECONDS", 0.05)
    monkeypatch.setattr(host_connection, "WATCH_EVERY_SECONDS", 0.02)
    made = Made(monkeypatch, "connect")
    made.subscriber.start()
    await eventually(lambda: made.layer.returns == 1)
    assert len(made.connections) >= 2
    await asyncio.wait_for(made.subscriber.flush(), PATIENCE_SECONDS)


async def test_subscriber_without_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A subscriber that receives no message is not reported as up."""
    monkeypatch.setattr(host_connection, "SILENCE_SECONDS", 0.05)
    made = Made(monkeypatch)
    made.subscriber.start()
    await eventually(lambda: made.subscriber.is_up)
    # Long before the watch replaces the connection: the answer follows the messages, not the task.
    await eventually(lambda: not made.subscriber.is_up)
    assert len(made.connections) == 1
    await asyncio.wait_for(made.subscriber.flush(), PATIENCE_SECONDS)
