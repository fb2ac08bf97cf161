"""Messages wait in a bounded queue while the connection is read on; beyond the bound their positions are kept."""

import asyncio
import time

import pytest

from clarion.shared import read_ahead
from clarion.shared.read_ahead import MESSAGE_OVERHEAD_BYTES, ReadAhead


class Slow:
    """A receiver whose callbacks take some time; a message is its channel's next seq, or a command."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.got: list[tuple[str, bytes]] = []
        self.known: list[tuple[str, str | None, int]] = []

    def received(self, name: str, data: bytes) -> None:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            pass
        self.got.append((name, data))

    def position(self, data: bytes) -> tuple[str | None, int] | None:
        return ("epoch", int(data)) if data.isdigit() else None

    def exists(self, name: str, epoch: str | None, seq: int) -> None:
        self.known.append((name, epoch, seq))


def messages(*seqs: int, name: str = "a") -> list[tuple[str, bytes]]:
    return [(name, str(seq).encode()) for seq in seqs]


async def worked_off(ahead: ReadAhead) -> None:
    async with asyncio.timeout(30):
        while ahead._task is not None:
            await ahead._task


async def test_fast_callbacks() -> None:
    """Messages are passed on immediately while the callbacks keep up."""
    receiver = Slow()
    ahead = ReadAhead(receiver)
    ahead.take(messages(1, 2, 3))
    assert receiver.got == messages(1, 2, 3)
    assert ahead._task is None


async def test_slow_callbacks() -> None:
    """Slow callbacks delay neither the reader nor other tasks, and the order is kept."""
    receiver = Slow(seconds=0.002)
    ahead = ReadAhead(receiver)
    begun = time.monotonic()
    ahead.take(messages(*range(300)))
    ahead.take(messages(*range(300, 400)))
    assert time.monotonic() - begun < 0.4  # of 800 ms of work
    turns = 0
    while ahead._task is not None:
        turns += 1
        await asyncio.sleep(0)
    assert turns > 10
    assert receiver.got == messages(*range(400))


async def test_read_ahead_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound only the highest position of each channel is kept."""
    monkeypatch.setattr(read_ahead, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(read_ahead, "LOOK_EVERY", 1)
    receiver = Slow()
    ahead = ReadAhead(receiver, capacity=5 * (MESSAGE_OVERHEAD_BYTES + 2))
    ahead.take(messages(10, 11, 12) + messages(20, 21, 22, 23, name="b") + messages(13, 15, 14) + [("a", b"revoked")])
    assert receiver.known == []
    await worked_off(ahead)
    # Messages other than frames are always kept, in their place.
    assert receiver.got == [*messages(10, 11, 12), *messages(20, 21, 22, name="b"), ("a", b"revoked")]
    assert sorted(receiver.known) == [("a", "epoch", 15), ("b", "epoch", 23)]


async def test_cleared_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting messages are discarded together with the connection."""
    monkeypatch.setattr(read_ahead, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(read_ahead, "LOOK_EVERY", 1)
    receiver = Slow()
    ahead = ReadAhead(receiver)
    ahead.take(messages(1, 2, 3))
    ahead.clear()
    await asyncio.sleep(0)
    assert receiver.got == messages(1)
    ahead.take(messages(4))
    assert receiver.got == messages(1, 4)
