"""One connection to Redis for all subscriptions of an event loop on one host, that comes back by itself.

Input: the names of the channels that are wanted. Output: the messages that Redis publishes on them, handed to the
layer as they come, and a call of `returned` once everything wanted is subscribed, the first time and after each loss
of the connection. Commands are written in bulk and confirmed. A canary that the subscriber sends to itself notices a
silent Redis (host_connection.py).
"""

import asyncio
import logging
import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import redis.asyncio
from channels_redis.utils import create_pool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from . import metrics, read_ahead
from .breaker import SOCKET_TIMEOUT_SECONDS, CircuitBreaker
from .host_connection import HostConnection
from .read_ahead import ReadAhead

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Commands that run concurrently on one host; further ones wait for their turn, since redis-py's pool would refuse
#: them. And the longest wait for the turn and the answer together (seconds).
COMMANDS_CONCURRENTLY = 32
COMMAND_TIMEOUT_SECONDS = 5.0
#: Wait before reconnecting: doubled from the first to the last, with full jitter (seconds).
RECONNECT_FIRST_SECONDS = 0.1
RECONNECT_LAST_SECONDS = 5.0


class Receiver(read_ahead.Receiver, Protocol):
    """The receiver of the messages, which is also called when the connection is back."""

    prefix: str

    def returned(self) -> None:
        """All subscriptions are made; messages that were published before may have been missed."""


class Subscriber:
    """All subscriptions of one event loop on one Redis host, over one connection that comes back by itself."""

    def __init__(self, host: dict[str, Any], layer: Receiver) -> None:
        self._layer = layer
        self._ahead = ReadAhead(layer)
        options = {
            "socket_timeout": SOCKET_TIMEOUT_SECONDS,
            "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
            "retry": Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        }
        self._pool = create_pool({**options, **host, "protocol": 2})
        self.client = redis.asyncio.Redis(connection_pool=self._pool)
        self._canary = f"{layer.prefix}__canary__{uuid.uuid4().hex}"
        self._wanted: dict[str, asyncio.Future[None]] = {}
        self._changed: dict[str, None] = {}
        self._breaker = CircuitBreaker()
        self._turns = asyncio.Semaphore(COMMANDS_CONCURRENTLY)
        self._confirmed = False  # all that is wanted is subscribed
        self._connection: HostConnection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether everything wanted is subscribed and the canary, or another message, came a short time ago."""
        return self._confirmed and self._connection is not None and not self._connection.is_silent

    def start(self) -> None:
        """Connect, and stay connected, until `flush`."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def want(self, channel: str) -> asyncio.Future[None]:
        """Subscribe, now or as soon as Redis is there; the future is done when Redis has confirmed it."""
        future = self._wanted.get(channel)
        if future is None:
            future = self._wanted[channel] = asyncio.get_running_loop().create_future()
            self._change(channel)
        return future

    def drop(self, channel: str) -> None:
        """Unsubscribe."""
        future = self._wanted.pop(channel, None)
        if future is not None:
            future.cancel()
            self._change(channel)

    async def subscribe(self, channel: str) -> None:
        """As the base class's layer calls it: return when Redis has confirmed; raise TimeoutError if it does not."""
        async with asyncio.timeout(COMMAND_TIMEOUT_SECONDS):
            await asyncio.shield(self.want(channel))

    async def unsubscribe(self, channel: str) -> None:
        """As the base class's layer calls it."""
        self.drop(channel)

    async def publish(self, channel: str, message: bytes) -> None:
        """Send one message; raises what `call` raises."""
        await self.call(lambda client: client.publish(channel, message))

    async def call(self, command: Callable[[redis.asyncio.Redis], Awaitable[T]]) -> T:
        """Run one command when its turn comes; raises RedisError or OSError (a time-out is one).

        Raises CircuitOpen immediately when the host failed a moment ago.
        """
        async with asyncio.timeout(COMMAND_TIMEOUT_SECONDS), self._turns:
            with self._breaker.guard():
                return await command(self.client)

    async def flush(self) -> None:
        """Close everything within a bounded time; used again, it starts anew."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=SOCKET_TIMEOUT_SECONDS)
            self._task = None
        if self._connection is not None:
            await self._connection.ended(SOCKET_TIMEOUT_SECONDS)
            self._connection = None
        self._ahead.clear()
        self._confirmed = False
        self._wanted.clear()
        self._changed.clear()
        await self.client.aclose(close_connection_pool=True)

    def _change(self, channel: str) -> None:
        self.start()
        self._changed[channel] = None
        if self._connection is not None:
            self._connection.changed.set()

    async def _run(self) -> None:
        wait = RECONNECT_FIRST_SECONDS
        while True:
            try:
                # The canary comes last: when it is confirmed, so is everything before it.
                self._changed = dict.fromkeys([*self._wanted, self._canary])
                self._connection = HostConnection(self._pool.make_connection(), self.client, self._canary)
                error = await self._connection.lost(self._take_changes, self._on_replies)
            except Exception as unexpected:  # noqa: BLE001 - the answer to any error is to connect again
                error = unexpected
            logger.warning("The channel layer lost its Redis and will reconnect", extra={"error": repr(error)})
            self._ahead.clear()
            if self._confirmed:
                self._confirmed = False
                metrics.LAYER_RECONNECTS.inc()
                wait = RECONNECT_FIRST_SECONDS
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - jitter
            wait = min(wait * 2, RECONNECT_LAST_SECONDS)

    def _take_changes(self) -> tuple[list[str], list[str]]:
        """Return the channels to leave and to subscribe to; of a channel that changed twice only the end counts."""
        changed, self._changed = self._changed, {}
        return (
            [name for name in changed if not self._is_wanted(name)],
            [name for name in changed if self._is_wanted(name)],
        )

    def _is_wanted(self, channel: str) -> bool:
        return channel in self._wanted or channel == self._canary

    def _on_replies(self, replies: list[Any], more: bool) -> None:
        messages: list[tuple[str, bytes]] = []
        for what, name, data in replies:
            channel = name.decode()
            if what == b"message":
                if channel != self._canary:
                    messages.append((channel, data))
            elif what == b"subscribe":
                self._on_confirmed(channel)
        if messages:
            self._ahead.take(messages, more=more)

    def _on_confirmed(self, channel: str) -> None:
        if channel == self._canary:
            # Also the first time: a socket that came before Redis was there has received nothing yet.
            self._confirmed = True
            self._layer.returned()
            return
        future = self._wanted.get(channel)
        if future is not None and not future.done():
            future.set_result(None)
