"""One connection to a Redis host that carries the subscriptions of an event loop. It is used once and then replaced.

Input: the channels to subscribe to and to leave. Output: the replies of Redis, all that one read has brought together.

The connection does not rely on its tasks to end. Up to Python 3.11 `asyncio.wait_for`, through which redis-py sends,
can swallow a cancellation; a task that lost its cancellation would wait for ever. So `lost` watches the clock itself,
and `abandon` sets a flag that each task checks after each wait.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import hiredis
import redis
from redis.exceptions import RedisError

#: How often the connection sends itself a canary, and after how long without any message it counts as lost (seconds).
CANARY_EVERY_SECONDS = 5.0
SILENCE_SECONDS = 12.0
#: How often `lost` compares the time of the last message with the clock (seconds).
WATCH_EVERY_SECONDS = 1.0
#: Channels named in one SUBSCRIBE.
SUBSCRIBE_CHUNK = 1000

#: Takes the channels that changed since the last call: those to leave and those to subscribe to.
TakeChanges = Callable[[], tuple[list[str], list[str]]]
#: Takes replies of Redis, each a list of "message" or "subscribe", the channel, and the message; and whether more are
#: likely to have come already.
OnReplies = Callable[[list[Any], bool], None]

#: Bytes that one read takes, and that asyncio reads on before this process has taken them.
READ_BYTES = 2**18
STREAM_LIMIT_BYTES = 2**20
#: After a read of so many bytes more have probably come already.
FULL_READ_BYTES = 2**16


class HostConnection:
    """One connection, from the connect until it is lost."""

    def __init__(self, connection: Any, client: Any, canary: str) -> None:
        self.heard_at = time.monotonic()
        self.changed = asyncio.Event()
        self._connection = connection
        self._client = client
        self._canary = canary
        self._connected = asyncio.Event()
        self._abandoned = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_silent(self) -> bool:
        """Whether nothing was received for too long, not even the canary."""
        return time.monotonic() - self.heard_at > SILENCE_SECONDS

    async def lost(self, take_changes: TakeChanges, on_replies: OnReplies) -> BaseException | None:
        """Connect, serve the subscriptions, and return the cause once the connection is lost or silent."""
        begin = asyncio.get_running_loop().create_task
        self._tasks = {begin(self._read(on_replies)), begin(self._write(take_changes)), begin(self._send_canary())}
        was_silent = False
        try:
            while True:
                done, _ = await asyncio.wait(
                    self._tasks, timeout=WATCH_EVERY_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    return None if task.cancelled() else task.exception()
                # Twice in a row, because a process that was stopped and continued has not read its messages yet.
                if self.is_silent and was_silent:
                    return TimeoutError("Redis sent nothing for too long, not even the canary")
                was_silent = self.is_silent
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the connection immediately, without waiting for its tasks."""
        self._abandoned = True
        for task in self._tasks:
            task.cancel()
            task.add_done_callback(_retrieve)
        self._abort()

    async def ended(self, seconds: float) -> None:
        """Wait until its tasks have ended, at most `seconds`."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def _read(self, on_replies: OnReplies) -> None:
        await self._connection.connect()
        if self._abandoned:
            self._abort()
            return
        self.heard_at = time.monotonic()
        self._connected.set()
        self.changed.set()
        # redis-py has a task, a timeout and a check of the connection for each reply; here only the parser is needed.
        stream, parser = self._connection._reader, hiredis.Reader()
        stream._limit = STREAM_LIMIT_BYTES
        while not self._abandoned:
            # The canary, not a time-out of this read, notices a silent Redis.
            chunk = await stream.read(READ_BYTES)
            if not chunk:
                raise redis.ConnectionError("Redis closed the connection")
            parser.feed(chunk)
            replies = []
            while (reply := parser.gets()) is not False:
                if isinstance(reply, Exception):
                    raise reply
                replies.append(reply)
            if not self._abandoned:
                self.heard_at = time.monotonic()
                on_replies(replies, len(chunk) >= FULL_READ_BYTES)

    async def _write(self, take_changes: TakeChanges) -> None:
        await self._connected.wait()
        while not self._abandoned:
            await self.changed.wait()
            self.changed.clear()
            # All changes of this turn of the loop go out together, so a storm of connects is a few commands.
            leave, subscribe = take_changes()
            for command, channels in (("UNSUBSCRIBE", leave), ("SUBSCRIBE", subscribe)):
                for start in range(0, len(channels), SUBSCRIBE_CHUNK):
                    chunk = channels[start : start + SUBSCRIBE_CHUNK]
                    await self._connection.send_command(command, *chunk, check_health=False)
                    if self._abandoned:
                        self._abort()  # redis-py may have connected anew to send this
                        return

    async def _send_canary(self) -> None:
        while not self._abandoned:
            await asyncio.sleep(CANARY_EVERY_SECONDS)
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self._client.publish(self._canary, b"")

    def _abort(self) -> None:
        writer = self._connection._writer
        if writer is not None:
            writer.transport.abort()  # close() would wait for a silent peer to take the bytes that are left
            self._connection._close()  # so that redis-py counts it as closed


def _retrieve(task: asyncio.Task[None]) -> None:
    """Fetch the outcome of an abandoned task, or asyncio logs that nothing did."""
    if not task.cancelled():
        task.exception()
