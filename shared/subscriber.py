"""One connection to Redis for all subscriptions of an event loop on one host, that comes back by itself.

Enters: the names of channels that are wanted. Leaves: what Redis publishes on them, handed to the layer as it comes;
and word that everything wanted is subscribed, the first time and after each loss of the connection. Commands are
written in bulk and confirmed. A Redis that has gone silent is noticed by a canary that the subscriber sends to itself.
"""

import asyncio
import contextlib
import logging
import math
import random
import uuid
from typing import Any, Protocol

import redis.asyncio
from channels_redis.utils import create_pool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared import metrics

logger = logging.getLogger(__name__)

#: A command that takes longer has failed (seconds); redis-py would wait for ever.
SOCKET_TIMEOUT_SECONDS = 2.0
#: How often the subscriber sends itself a canary, and after how long without hearing anything it reconnects (seconds).
CANARY_EVERY_SECONDS = 5.0
SILENCE_SECONDS = 12.0
#: Wait before reconnecting: doubled from the first to the last, with full jitter (seconds).
RECONNECT_FIRST_SECONDS = 0.1
RECONNECT_LAST_SECONDS = 5.0
#: Channels named in one SUBSCRIBE.
SUBSCRIBE_CHUNK = 1000


class Receiver(Protocol):
    """Who is handed what arrives."""

    prefix: str

    def received(self, name: str, data: bytes) -> None:
        """A message on that channel."""

    def returned(self) -> None:
        """All that is wanted is subscribed; what was published before may have been missed."""


class Subscriber:
    """All subscriptions of one event loop on one Redis host, over one connection that comes back by itself."""

    def __init__(self, host: dict[str, Any], layer: Receiver) -> None:
        self.is_up = False
        self._layer = layer
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
        self._write_soon = asyncio.Event()
        self._heard_at = 0.0
        self._task: asyncio.Task[None] | None = None

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
        """As the base class's layer calls it: returns when Redis has confirmed."""
        await asyncio.shield(self.want(channel))

    async def unsubscribe(self, channel: str) -> None:
        """As the base class's layer calls it."""
        self.drop(channel)

    async def publish(self, channel: str, message: bytes) -> None:
        """Send one message; raises RedisError."""
        await self.client.publish(channel, message)

    async def flush(self) -> None:
        """Close everything; used again, it starts anew."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self.is_up = False
        self._wanted.clear()
        self._changed.clear()
        await self.client.aclose(close_connection_pool=True)

    def _change(self, channel: str) -> None:
        self.start()
        self._changed[channel] = None
        self._write_soon.set()

    async def _run(self) -> None:
        wait = RECONNECT_FIRST_SECONDS
        while True:
            try:
                await self._connected()
            except Exception as error:  # noqa: BLE001 - whatever it was, the way back is to connect again
                logger.warning("The channel layer has no Redis and will reconnect", extra={"error": repr(error)})
            if self.is_up:
                self.is_up = False
                metrics.LAYER_RECONNECTS.inc()
                wait = RECONNECT_FIRST_SECONDS
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - jitter
            wait = min(wait * 2, RECONNECT_LAST_SECONDS)

    async def _connected(self) -> None:
        """Connect, subscribe to all that is wanted, and read until the connection is lost."""
        connection = self._pool.make_connection()
        try:
            await connection.connect()
            # The canary comes last: when it is confirmed, so is everything before it.
            self._changed = dict.fromkeys([*self._wanted, self._canary])
            self._write_soon.set()
            self._heard_at = asyncio.get_running_loop().time()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._writing(connection))
                group.create_task(self._sounding())
                group.create_task(self._reading(connection))
        finally:
            await connection.disconnect(nowait=True)

    async def _writing(self, connection: Any) -> None:
        while True:
            await self._write_soon.wait()
            self._write_soon.clear()
            # What changed in this turn of the loop goes out together: a storm of connects is a few commands. Of a
            # channel that was dropped and wanted again only the end counts.
            changed, self._changed = self._changed, {}
            await self._command(connection, "UNSUBSCRIBE", [name for name in changed if not self._is_wanted(name)])
            await self._command(connection, "SUBSCRIBE", [name for name in changed if self._is_wanted(name)])

    async def _command(self, connection: Any, command: str, channels: list[str]) -> None:
        for start in range(0, len(channels), SUBSCRIBE_CHUNK):
            await connection.send_command(command, *channels[start : start + SUBSCRIBE_CHUNK], check_health=False)

    def _is_wanted(self, channel: str) -> bool:
        return channel in self._wanted or channel == self._canary

    async def _sounding(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CANARY_EVERY_SECONDS)
            if loop.time() - self._heard_at > SILENCE_SECONDS:
                raise TimeoutError("nothing was heard of Redis, not even the canary")
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await self.client.publish(self._canary, b"")

    async def _reading(self, connection: Any) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # The canary, not a time-out of this read, notices a Redis that says nothing.
            what, name, data = await connection.read_response(disable_decoding=True, timeout=math.inf)
            self._heard_at = loop.time()
            channel = name.decode()
            if what == b"message" and channel != self._canary:
                self._layer.received(channel, data)
            elif what == b"subscribe":
                self._confirmed(channel)

    def _confirmed(self, channel: str) -> None:
        if channel == self._canary:
            # Also the first time: a socket that came before Redis was there has heard nothing yet.
            self.is_up = True
            self._layer.returned()
            return
        future = self._wanted.get(channel)
        if future is not None and not future.done():
            future.set_result(None)
