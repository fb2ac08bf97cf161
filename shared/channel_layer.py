"""The channel layer: the pub/sub layer of Channels on Redis, with bulk publishing and direct listeners.

Input: messages for groups. Output: the same messages at all listeners, at most once; the streams of the edge restore
order and completeness. Ordinary Channels consumers work on it too. It adds:

- `publish`: many messages in one synchronous round trip for each Redis host, without an event loop, for the workers;
- `listening`: the groups that have a listener, for the workers;
- `listen`: a group's messages are handed to a callback as they come, without a task, queue or subscription of each
  socket's own;
- one connection for each host (subscriber.py), which reports when it was lost and is back, so that missed messages
  can be read from Postgres;
- queues with a bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import redis
import redis.asyncio
from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import get_channel_layer
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _consistent_hash, _wrap_close, decode_hosts

from . import metrics
from .installation import installation
from .messages import POSITION, position_of
from .output_buffer import pubsub_limits
from .publisher import Broadcast, Host, Packed, packed, publish, sync_client
from .settings import get_settings
from .subscriber import Subscriber

logger = logging.getLogger(__name__)

#: Channels in one command.
NAMES_AT_ONCE = 1000

#: Messages that wait in the queue of one stock consumer before the oldest is dropped.
QUEUE_CAPACITY = 1000

T = TypeVar("T")
Callback = Callable[[Mapping[str, Any]], None]


#: Key of Clarion's layer in Django's CHANNEL_LAYERS, where a project has a `default` layer of its own.
ALIAS = "clarion"

#: A layer that takes the place of all others in this process; the test kit sets it.
instead: ClarionChannelLayer | None = None


def channel_layer() -> ClarionChannelLayer:
    """Return Clarion's channel layer of this process.

    It is the one of CHANNEL_LAYERS with the key `clarion`, else the default one if it is Clarion's. Without either it
    is made from Clarion's settings, so that a project may keep a default layer of another class.
    """
    if instead is not None:
        return instead
    for alias in (ALIAS, DEFAULT_CHANNEL_LAYER):
        layer = get_channel_layer(alias)
        if isinstance(layer, ClarionChannelLayer):
            return layer
    return _own()


@functools.cache
def _own() -> ClarionChannelLayer:
    return ClarionChannelLayer(**get_settings().django_channel_layers()["default"]["CONFIG"])


class ClarionChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # untyped
    """Named in Django's CHANNEL_LAYERS; `hosts` and `prefix` as for its base class.

    `per_installation` adds the identity of the installation to the prefix (see shared/installation.py).
    """

    def __init__(
        self, hosts: Iterable[Any] | None = None, prefix: str = "asgi", *, per_installation: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(hosts=hosts, prefix=prefix, **kwargs)
        self._given_prefix = prefix
        self._per_installation = per_installation
        self._hosts = decode_hosts(hosts)
        self._publishers: list[Host] | None = None
        self._publishers_lock = threading.Lock()

    @property
    def prefix(self) -> str:
        """First part of the names of all channels and keys."""
        return f"{self._given_prefix}-{installation()}" if self._per_installation else self._given_prefix

    def channel_of(self, group: str) -> str:
        """Name of the Redis channel of a group."""
        return f"{self.prefix}__group__{group}"

    def publish(self, messages: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Send (group, message) pairs, in order; as `broadcast`."""
        return self._publish([Packed(b"", self.serialize, messages)])

    def broadcast(self, broadcasts: Iterable[Broadcast]) -> int:
        """Send broadcasts, in order, in one round trip for each host; return the number of subscribers that received.

        Synchronous and safe in threads; raises NotAllPublished, a redis.exceptions.RedisError, if a host does not
        answer in time or failed a moment ago. The other hosts have received their messages then.
        """
        return self._publish(packed(one, self._serializer) for one in broadcasts)

    def _publish(self, broadcasts: Iterable[Packed]) -> int:
        return publish(self._sync_publishers(), self.channel_of(""), broadcasts)

    def listening(self, groups: Sequence[str]) -> list[int]:
        """Return the number of edge processes that listen to each group, in one round trip for each Redis host.

        Redis knows its subscribers, so nothing is stored, and a crashed edge is gone with its connection. Raises
        redis.exceptions.RedisError.
        """
        publishers = self._sync_publishers()
        beginning = self.channel_of("")
        channels = [beginning + group for group in groups]
        shards: dict[int, list[str]] = {}
        for channel in channels:
            shards.setdefault(_consistent_hash(channel, len(publishers)), []).append(channel)
        counts: dict[str, int] = {}
        for shard, names in shards.items():
            with self.client(shard) as client:
                pipeline = client.pipeline(transaction=False)
                for start in range(0, len(names), NAMES_AT_ONCE):
                    pipeline.pubsub_numsub(*names[start : start + NAMES_AT_ONCE])
                for answer in pipeline.execute():
                    counts.update((name.decode(), count) for name, count in answer)
        return [counts[channel] for channel in channels]

    def close(self) -> None:
        """Close the connections of `publish`; used again, it opens new ones."""
        with self._publishers_lock:
            publishers, self._publishers = self._publishers or [], None
        for host in publishers:
            host.client.close()

    @contextlib.contextmanager
    def client(self, shard: int = 0) -> Iterator[redis.Redis]:
        """Return the client of a host, for synchronous calls; raises CircuitOpen if the host failed a moment ago."""
        host = self._sync_publishers()[shard]
        with host.breaker.guard():
            yield host.client

    def output_buffers(self) -> list[tuple[int, int] | None]:
        """Return for each host what `pubsub_limits` does; raises redis.exceptions.RedisError."""
        return [pubsub_limits(host.client) for host in self._sync_publishers()]

    def _sync_publishers(self) -> list[Host]:
        with self._publishers_lock:
            if self._publishers is None:
                self._publishers = [Host(sync_client(host)) for host in self._hosts]
            return self._publishers

    def loop_layer(self) -> ClarionLoopLayer:
        """Return the layer of the running event loop."""
        return self._get_layer()

    def _get_layer(self) -> ClarionLoopLayer:
        loop = asyncio.get_running_loop()
        layer: ClarionLoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = self._layers[loop] = ClarionLoopLayer(
                *self._args, **self._kwargs | {"prefix": self.prefix}, channel_layer=self
            )
            _wrap_close(self, loop)
        return layer


class ClarionLoopLayer(RedisPubSubLoopLayer):  # type: ignore[misc]  # untyped
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

    async def call(self, function: Callable[[redis.asyncio.Redis], Awaitable[T]]) -> T:
        """Call the function with a client of the first host; raises redis.exceptions.RedisError or OSError."""
        return await self._shards[0].call(function)

    async def listen(self, group: str, callback: Callback, *, wait_seconds: float) -> bool:
        """Call back with each message to `group`; return whether Redis has confirmed it within `wait_seconds`.

        If it has not, the subscription follows as soon as Redis is available, and `on_return` is called then.
        """
        channel = self._get_group_channel_name(group)
        self.listeners.setdefault(channel, []).append(callback)
        with contextlib.suppress(TimeoutError):
            # Not wait_for, which up to Python 3.11 can swallow a cancellation.
            async with asyncio.timeout(wait_seconds):
                await asyncio.shield(self._get_shard(channel).want(channel))
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
        """Pass a message from Redis to the direct listeners immediately, to stock consumers through their queues."""
        callbacks = self.listeners.get(name)
        if callbacks:
            self._call_back(callbacks, name, self._message(data))
        for member in (name, *self.groups.get(name, ())):
            queue = self.channels.get(member)
            if queue is not None:
                if queue.full():
                    queue.get_nowait()
                    metrics.LAYER_DROPPED.inc()
                queue.put_nowait(data)

    def position(self, data: bytes) -> tuple[str | None, int] | None:
        """Return the epoch and seq of a frame; None for any other message."""
        return position_of(self._message(data))

    def exists(self, name: str, epoch: str | None, seq: int) -> None:
        """Hand the position of a frame, which was not kept, to the direct listeners; stock consumers lose it."""
        self._call_back(self.listeners.get(name, ()), name, {"type": POSITION, "epoch": epoch, "seq": seq})
        if name in self.groups or name in self.channels:
            metrics.LAYER_DROPPED.inc()

    def _message(self, data: bytes) -> Any:
        """Decode a message; None if it is malformed, because any program may publish on a shared Redis."""
        try:
            return self.channel_layer.deserialize(data)
        except Exception:  # noqa: BLE001 - each serializer raises its own
            return None

    def _call_back(self, callbacks: Sequence[Callback], name: str, message: Any) -> None:
        if not isinstance(message, dict) or "type" not in message:
            metrics.LAYER_IGNORED.inc()
            logger.warning("Ignored a malformed message on the channel layer", extra={"channel": name})
            return
        for callback in tuple(callbacks):
            try:
                callback(message)
            except Exception:
                logger.exception("A listener of the channel layer failed", extra={"channel": name})

    def returned(self) -> None:
        """Report that a lost host is back: messages published meanwhile must be read from Postgres."""
        for callback in tuple(self.on_return):
            callback()

    def _drop_if_unused(self, channel: str) -> None:
        if channel not in self.listeners and channel not in self.groups:
            self._get_shard(channel).drop(channel)

    async def _subscribe_to_channel(self, channel: str) -> None:
        self.channels[channel] = asyncio.Queue(maxsize=QUEUE_CAPACITY)
        try:
            await self._get_shard(channel).subscribe(channel)
        except TimeoutError:  # a stock consumer's connect fails, and nothing of it stays
            del self.channels[channel]
            self._get_shard(channel).drop(channel)
            raise
