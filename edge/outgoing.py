"""Sends ASGI messages to one client without waiting for them.

Input: the `send` of a server, and messages in order. Output: the same messages, in that order. Daphne's `send` never
waits, so a message is sent inline. Other servers wait while the client's network accepts nothing: the rest is then sent
by a task, and `waiting` counts its bytes.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from typing import Any

from autobahn.exception import Disconnected

logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]

#: Time for the last messages to reach the client before its connection is given up (seconds).
LINGER_SECONDS = 5.0

#: A message to a client that has left: of Daphne, and of uvicorn, whose error is an OSError.
GONE = (Disconnected, OSError)


class Outgoing:
    """The messages of one connection."""

    __slots__ = ("_pending", "_send", "_task", "waiting")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._pending: deque[tuple[Awaitable[None], int]] | None = None  # until needed: it takes 600 bytes
        self._task: asyncio.Task[None] | None = None
        self.waiting = 0  # bytes that the server has not accepted yet

    def put(self, message: dict[str, Any], size: int = 0) -> bool:
        """Send a message of this size in bytes, now or after the earlier ones; False if the client has disconnected."""
        sending = self._send(message)
        if self._task is None:
            steps = sending.__await__()
            try:
                first = next(steps)
            except StopIteration:
                return True
            except GONE:
                return False
            sending = _Begun(first, steps)
        if self._pending is None:
            self._pending = deque()
        self._pending.append((sending, size))
        self.waiting += size
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send_all(self._pending))
        return True

    async def flush(self) -> None:
        """Return when everything is sent, or after LINGER_SECONDS."""
        if self._task is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._task), LINGER_SECONDS)

    async def _send_all(self, pending: deque[tuple[Awaitable[None], int]]) -> None:
        try:
            while pending:
                sending, size = pending[0]
                try:
                    await sending
                except GONE:
                    pass  # the next message to be put finds it out
                except Exception:
                    logger.exception("The server did not accept a message")
                pending.popleft()
                self.waiting -= size
        finally:
            self._task = self._pending = None


class _Begun:
    """A coroutine that has run up to its first wait, and is continued by another task."""

    __slots__ = ("_first", "_steps")

    def __init__(self, first: Any, steps: Generator[Any, Any, None]) -> None:
        self._first = first
        self._steps = steps

    def __await__(self) -> Generator[Any, Any, None]:
        yield self._first
        yield from self._steps
