"""Many messages to many channels, in one round trip for each Redis host, without an event loop.

Input: the hosts, and broadcasts. Output: the messages, published in order, and the number of subscribers that received
them. Packed messages are sent and published while the next ones are packed; the replies are read at the end. Only the
body, the part in which the messages of a broadcast differ, is sent for each, and a script in Redis adds the common
head, because building, sending and parsing each message, and a reply to each, would cost several times as much. Hosts
fail independently.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, Self

import msgpack  # type: ignore[import-untyped]
import redis
from channels_redis.serializers import BaseMessageSerializer, MsgPackSerializer
from channels_redis.utils import _consistent_hash
from redis.backoff import NoBackoff
from redis.retry import Retry

from .breaker import FAILURES, SOCKET_TIMEOUT_SECONDS, CircuitBreaker, CircuitOpen

_PUBLISH = """
local messages, head, publish = cmsgpack.unpack(ARGV[1]), ARGV[2], redis.call
local receivers = 0
for i = 1, #messages, 2 do receivers = receivers + publish('PUBLISH', messages[i], head .. messages[i + 1]) end
return receivers
"""
#: Messages of one script, which blocks Redis for less than a millisecond. The next ones are packed meanwhile.
SCRIPT_MESSAGES = 500


class Broadcast(NamedTuple):
    """Messages to many groups that differ in one field: each is `shared`, and the value of its group as `field`.

    `values` are (group, value) pairs. They are read once, while earlier ones are being published.
    """

    shared: Mapping[str, Any]
    field: str
    values: Iterable[tuple[str, Any]]


class Packed(NamedTuple):
    """Messages with a common head in bytes, and the function that packs the body of each."""

    head: bytes
    pack: Callable[[Any], bytes]
    bodies: Iterable[tuple[str, Any]]


def packed(broadcast: Broadcast, serializer: BaseMessageSerializer) -> Packed:
    """Serialize the common head. In MessagePack a map is its size, then field after field."""
    if type(serializer) is not MsgPackSerializer or serializer.crypter or serializer.random_prefix_length:
        return Packed(b"", _whole(broadcast, serializer), broadcast.values)
    packer = msgpack.Packer()
    size = packer.pack_map_header(len(broadcast.shared) + 1)
    fields = b"".join(packer.pack(part) for item in broadcast.shared.items() for part in item)
    return Packed(size + fields + packer.pack(broadcast.field), packer.pack, broadcast.values)


def _whole(broadcast: Broadcast, serializer: BaseMessageSerializer) -> Callable[[Any], bytes]:
    """Return a function that serializes a whole message, for serializers whose messages share no bytes."""
    return lambda value: bytes(serializer.serialize({**broadcast.shared, broadcast.field: value}))


class NotAllPublished(redis.ConnectionError):
    """Some hosts did not take their messages; the others did."""

    def __init__(self, errors: Sequence[Exception], hosts: int) -> None:
        super().__init__(f"{len(errors)} of {hosts} hosts did not take their messages: {errors[0]!r}")
        self.errors = errors


def publish(hosts: Sequence["Host"], prefix: str, broadcasts: Iterable[Packed]) -> int:
    """Publish to the channels `prefix` + group, each on the host that is its own.

    A host that fails gets nothing more, and the others get everything; then NotAllPublished is raised.
    """
    with ExitStack() as stack:
        connections = [stack.enter_context(_HostConnection(host)) for host in hosts]
        for head, pack, bodies in broadcasts:
            left = iter(bodies)
            while any(one.error is None for one in connections) and (chunk := list(islice(left, SCRIPT_MESSAGES))):
                for connection, messages in zip(connections, _sharded(len(hosts), prefix, pack, chunk), strict=True):
                    connection.publish(head, messages)
        receivers = sum(connection.receivers() for connection in connections)
        if errors := [connection.error for connection in connections if connection.error is not None]:
            raise NotAllPublished(errors, len(hosts))
        return receivers


def _sharded(
    hosts: int, prefix: str, pack: Callable[[Any], bytes], bodies: Sequence[tuple[str, Any]]
) -> list[list[str | bytes]]:
    """Return for each host its channels, each followed by its packed body."""
    if hosts == 1:
        return [[part for group, body in bodies for part in (prefix + group, pack(body))]]
    shards: list[list[str | bytes]] = [[] for _ in range(hosts)]
    for group, body in bodies:
        channel = prefix + group
        shards[_consistent_hash(channel, hosts)] += (channel, pack(body))
    return shards


@dataclass(frozen=True, slots=True)
class Host:
    """One Redis host, and the circuit to it."""

    client: redis.Redis
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)


def sync_client(host: dict[str, Any]) -> redis.Redis:
    """Return a client of a host, as `decode_hosts` of channels_redis describes it. It connects with the first call."""
    options = {
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
        "protocol": 2,
        # Once more on a connection that was lost, which is how a restarted Redis shows; never after a time-out.
        "retry": Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        **host,
    }
    if "master_name" in options:
        sentinels: Any = redis.Sentinel
        sentinel = sentinels(options.pop("sentinels"), sentinel_kwargs=options.pop("sentinel_kwargs", None))
        client: redis.Redis = sentinel.master_for(options.pop("master_name"), **options)
        return client
    address = options.pop("address", None)
    return redis.Redis.from_url(address, **options) if address else redis.Redis(**options)


class _HostConnection:
    """A connection to one host, taken when there is something to publish, and returned at the end.

    `error` is the first failure; after it nothing is sent. A host whose circuit is open fails without being asked.
    """

    def __init__(self, host: Host) -> None:
        self.error: Exception | None = None
        self._pool = host.client.connection_pool
        self._breaker = host.breaker
        self._connection: Any = None
        self._unanswered = 0

    def __enter__(self) -> Self:
        return self

    def publish(self, head: bytes, messages: Sequence[str | bytes]) -> None:
        """Send the messages of one script, without waiting for it."""
        if not messages or self.error is not None:
            return
        try:
            if self._connection is None:
                self._breaker.enter()
                self._connection = self._pool.get_connection()  # a connection that was closed meanwhile is made anew
            # Lua's reader of MessagePack has strings only, no bytes.
            self._connection.send_command("EVAL", _PUBLISH, 0, msgpack.packb(messages, use_bin_type=False), head)
        except (redis.RedisError, OSError) as error:
            self._failed(error)
        else:
            self._unanswered += 1

    def receivers(self) -> int:
        """Read the replies, and return the number of subscribers that received the messages."""
        receivers = 0
        try:
            while self._unanswered and self.error is None:
                receivers += self._connection.read_response()
                self._unanswered -= 1
        except (redis.RedisError, OSError) as error:
            self._failed(error)
        else:
            if self.error is None and self._connection is not None:
                self._breaker.succeeded()
        return receivers

    def _failed(self, error: Exception) -> None:
        self.error = error
        if isinstance(error, FAILURES) and not isinstance(error, CircuitOpen):
            self._breaker.failed()
        elif not isinstance(error, CircuitOpen):
            self._breaker.succeeded()  # it answered, with an error

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            if self._unanswered or self.error is not None:  # the next user would read these replies as its own
                self._connection.disconnect()
            self._pool.release(self._connection)
