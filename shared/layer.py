"""The channel layer: Channels' pub/sub layer on Redis, with what Clarion needs of it.

Enters: messages for groups. Leaves: the same messages at whoever listens, at most once; order and completeness are
made by the edge's streams. It is a Channels layer like any other, stock consumers work on it, and adds:

- `publish`: many messages in one synchronous pipeline for each Redis host, without an event loop, for the workers;
- `listen`: a group's messages are handed to a callback as they come, without a task, queue or subscription of each
  socket's own;
- one connection a host for all subscriptions, written in bulk and confirmed, that notices a silent Redis by a canary
  of its own, comes back with backoff, subscribes again, and says so, so that what was missed can be read elsewhere;
- queues with a bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

import redis
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _consistent_hash, _wrap_close, create_pool, decode_hosts
from redis.exceptions import RedisError

from shared import metrics

logger = logging.getLogger(__name__)

#: A publish or a command that takes longer has failed (seconds); redis-py would wait for ever.
SOCKET_TIMEOUT_SECONDS = 2.0
#: How often the subscriber sends itself a canary, and after how long without hearing anything it reconnects (seconds).
CANARY_EVERY_SECONDS = 5.0
SILENCE_SECONDS = 12.0
#: Wait before reconnecting: doubled from the first to the last, with full jitter (seconds).
RECONNECT_FIRST_SECONDS = 0.1
RECONNECT_LAST_SECONDS = 5.0
#: Channels named in one SUBSCRIBE.
SUBSCRIBE_CHUNK = 1000
#: Messages that wait in the queue of one stock consumer before the oldest is dropped.
QUEUE_CAPACITY = 1000

Callback = Callable[[Mapping[str, Any]], None]


class FrameMessage(TypedDict):
    """The message that carries one frame of an inbox: its place in the log, and its text as it goes on the wire."""

    type: str
    seq: int
    text: str


def frame_message(seq: int, text: str) -> FrameMessage:
    """A frame as a message of the layer; a stock consumer would handle it in `notification_frame`."""
    return {"type": "notification.frame", "seq": seq, "text": text}


class ClarionChannelLayer(RedisPubSubChannelLayer):
    """Named in Django's CHANNEL_LAYERS; `hosts` and `prefix` as for its base class."""

    def __init__(self, hosts: Iterable[Any] | None = None, prefix: str = "asgi", **kwargs: Any) -> None:
        super().__init__(hosts=hosts, prefix=prefix, **kwargs)
        self._prefix = prefix
        self._hosts = decode_hosts(hosts)
        self._publishers: list[redis.Redis] | None = None
        self._publishers_lock = threading.Lock()

    def publish(self, messages: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Send (group, message) pairs, in order, in one round trip for each host; how many subscribers took them.

        Synchronous and safe in threads; raises redis.exceptions.RedisError when a host does not answer in time.
        """
        pipelines: dict[int, Any] = {}
        publishers = self._sync_publishers()
        for group, message in messages:
            channel = f"{self._prefix}__group__{group}"
            shard = _consistent_hash(channel, len(publishers))
            if shard not in pipelines:
                pipelines[shard] = publishers[shard].pipeline(transaction=False)
            pipelines[shard].execute_command("PUBLISH", channel, self.serialize(message))
        return sum(sum(pipeline.execute()) for pipeline in pipelines.values())

    def _sync_publishers(self) -> list[redis.Redis]:
        with self._publishers_lock:
            if self._publishers is None:
                self._publishers = [_sync_client(host) for host in self._hosts]
            return self._publishers

    def loop_layer(self) -> ClarionLoopLayer:
        """The layer of the running event loop."""
        return self._get_layer()

    def _get_layer(self) -> ClarionLoopLayer:
        loop = asyncio.get_running_loop()
        layer: ClarionLoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = self._layers[loop] = ClarionLoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        return layer


class ClarionLoopLayer(RedisPubSubLoopLayer):
    """The layer of one event loop; reached through `ClarionChannelLayer`, whose attributes it provides."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listeners: dict[str, list[Callback]] = {}
        self.on_return: list[Callable[[], None]] = []
        self._shards: list[Subscriber] = [Subscriber(host, self) for host in decode_hosts(kwargs.get("hosts"))]

    def start(self) -> None:
        """Connect to every host now rather than with the first subscription."""
        for shard in self._shards:
            shard.start()

    @property
    def is_up(self) -> bool:
        """Whether every host answers."""
        return all(shard.is_up for shard in self._shards)

    async def listen(self, group: str, callback: Callback, *, timeout: float) -> bool:
        """Call back with each message to `group`; whether Redis has confirmed it within `timeout` seconds.

        If it has not, the subscription is made as soon as Redis is there, and `on_return` is called then.
        """
        channel = self._get_group_channel_name(group)
        self.listeners.setdefault(channel, []).append(callback)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._get_shard(channel).want(channel)), timeout)
            return True
        return False

    def unlisten(self, group: str, callback: Callback) -> None:
        """Stop calling back; the subscription goes with the last listener."""
        channel = self._get_group_channel_name(group)
        callbacks = self.listeners.get(channel, [])
        with contextlib.suppress(ValueError):
            callbacks.remove(callback)
        if not callbacks:
            self.listeners.pop(channel, None)
            self._drop_if_unused(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Remove the channel from the group."""
        group_channel = self._get_group_channel_name(group)
        members = self.groups.get(group_channel, set())
        members.discard(channel)
        if not members:
            self.groups.pop(group_channel, None)
            self._drop_if_unused(group_channel)

    async def flush(self) -> None:
        """Forget every channel and group, and close the connections."""
        self.listeners.clear()
        await super().flush()

    def received(self, name: str, data: bytes) -> None:
        """One message from Redis: to the direct listeners at once, to stock consumers through their queues."""
        callbacks = self.listeners.get(name)
        if callbacks:
            message = self.channel_layer.deserialize(data)
            for callback in tuple(callbacks):
                try:
                    callback(message)
                except Exception:
                    logger.exception("A listener of the channel layer failed", extra={"channel": name})
        for member in (name, *self.groups.get(name, ())):
            queue = self.channels.get(member)
            if queue is not None:
                if queue.full():
                    queue.get_nowait()
                    metrics.LAYER_DROPPED.inc()
                queue.put_nowait(data)

    def returned(self) -> None:
        """A host is back after it was lost: what was published meanwhile is gone, whoever cares must look elsewhere."""
        for callback in tuple(self.on_return):
            callback()

    def _drop_if_unused(self, channel: str) -> None:
        if channel not in self.listeners and channel not in self.groups:
            self._get_shard(channel).drop(channel)

    async def _subscribe_to_channel(self, channel: str) -> None:
        self.channels[channel] = asyncio.Queue(maxsize=QUEUE_CAPACITY)
        await self._get_shard(channel).subscribe(channel)


class Subscriber:
    """All subscriptions of one event loop on one Redis host, over one connection that comes back by itself."""

    def __init__(self, host: dict[str, Any], layer: ClarionLoopLayer) -> None:
        self.is_up = False
        self._layer = layer
        timeouts = {"socket_timeout": SOCKET_TIMEOUT_SECONDS, "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS}
        self._pool = create_pool({**timeouts, **host, "protocol": 2})
        self._client = redis.asyncio.Redis(connection_pool=self._pool)
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
        await self._client.publish(channel, message)

    async def flush(self) -> None:
        """Close everything; used again, it starts anew."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self.is_up = False
        self._wanted.clear()
        self._changed.clear()
        await self._client.aclose(close_connection_pool=True)

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
                await self._client.publish(self._canary, b"")

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


def _sync_client(host: dict[str, Any]) -> redis.Redis:
    options = {
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
        "protocol": 2,
        **host,
    }
    if "master_name" in options:
        sentinel = redis.Sentinel(options.pop("sentinels"), sentinel_kwargs=options.pop("sentinel_kwargs", None))
        client: redis.Redis = sentinel.master_for(options.pop("master_name"), **options)
        return client
    address = options.pop("address", None)
    return redis.Redis.from_url(address, **options) if address else redis.Redis(**options)
