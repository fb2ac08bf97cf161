"""A bounded queue between the connection to a Redis host and the callbacks of its messages.

Input: messages in the order in which Redis sent them. Output: calls of the receiver in the same order. As long as the
callbacks keep up, each message is handled inline. When they do not, messages wait here while the connection is read
on, because Redis ends the connection of a subscriber that leaves too much unread. Beyond the bound only the position
of a frame is kept, one for each channel, and handed over once the queue is empty: the sockets read the rest from
Postgres.
"""

import asyncio
import time
from collections import deque
from typing import Protocol

from . import metrics

#: How long messages are handled before other tasks of the event loop have their turn, and while more of them come than
#: are handled (seconds): reading goes first then, since Redis waits less than this process can keep.
SLICE_SECONDS = 0.002
SHORT_SLICE_SECONDS = 0.0003
#: Messages handled between two looks at the clock.
LOOK_EVERY = 16
#: Bytes that may wait, with the overhead of a message: a burst to 50,000 sockets of a kilobyte each.
CAPACITY_BYTES = 64 * 2**20
MESSAGE_OVERHEAD_BYTES = 200


class Receiver(Protocol):
    """The receiver of the messages of one or several hosts."""

    def received(self, name: str, data: bytes) -> None:
        """Handle a message on that channel."""

    def position(self, data: bytes) -> tuple[str | None, int] | None:
        """Return the epoch and seq of a frame; None for any other message."""

    def exists(self, name: str, epoch: str | None, seq: int) -> None:
        """Handle the position of a frame that was not kept."""


class ReadAhead:
    """The messages of one connection that wait for their callbacks."""

    def __init__(self, receiver: Receiver, capacity: int = CAPACITY_BYTES) -> None:
        self._receiver = receiver
        self._capacity = capacity
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._positions: dict[str, tuple[str | None, int]] = {}
        self._slice = SLICE_SECONDS
        self._task: asyncio.Task[None] | None = None

    def take(self, messages: list[tuple[str, bytes]], *, more: bool = False) -> None:
        """Handle messages inline for a slice of time if none wait and no more have come; the rest waits."""
        handled = 0
        self._slice = SHORT_SLICE_SECONDS if more else SLICE_SECONDS
        if not self._waiting and not more:
            until = time.monotonic() + SLICE_SECONDS
            for handled, (name, data) in enumerate(messages, 1):
                self._receiver.received(name, data)
                if handled % LOOK_EVERY == 0 and time.monotonic() > until:
                    break
        for name, data in messages[handled:]:
            self._wait(name, data)
        if self._waiting and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work_off())

    def clear(self) -> None:
        """Forget what waits: the connection is lost, and the receiver compares with Postgres."""
        self._waiting.clear()
        self._positions.clear()
        self._bytes = 0
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _wait(self, name: str, data: bytes) -> None:
        size = len(data) + MESSAGE_OVERHEAD_BYTES
        if self._bytes + size > self._capacity and (position := self._receiver.position(data)) is not None:
            metrics.LAYER_SKIPPED.inc()
            known = self._positions.get(name)
            if known is None or known[0] != position[0] or known[1] < position[1]:
                self._positions[name] = position
            return
        self._waiting.append((name, data))
        self._bytes += size

    async def _work_off(self) -> None:
        while self._waiting:
            until, handled = time.monotonic() + self._slice, 0
            while self._waiting and (handled % LOOK_EVERY or handled == 0 or time.monotonic() < until):
                name, data = self._waiting.popleft()
                self._bytes -= len(data) + MESSAGE_OVERHEAD_BYTES
                self._receiver.received(name, data)
                handled += 1
            self._slice = SLICE_SECONDS  # unless the next read is full again
            await asyncio.sleep(0)
        positions, self._positions = self._positions, {}
        self._task = None
        for name, (epoch, seq) in positions.items():
            self._receiver.exists(name, epoch, seq)
