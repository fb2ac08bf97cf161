"""Many messages to many channels, in one round trip for each Redis host, without an event loop.

Input: the hosts, and lots of messages. Output: the messages, published in order, and the number of subscribers that
took them. Packed messages are sent and published while the next ones are made; the answers are read at the end. Of the
messages of a lot only the part that differs is sent for each, and a script in Redis puts them together: building,
sending and parsing all of them, and an answer to each, would cost several times as much. Hosts fail independently.
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
local told, beginning, publish = cmsgpack.unpack(ARGV[1]), ARGV[2], redis.call
local taken = 0
for i = 1, #told, 2 do taken = taken + publish('PUBLISH', told[i], beginning .. told[i + 1]) end
return taken
"""
#: Messages of one such script. Nothing else runs in Redis meanwhile, which for these is less than a millisecond; and so
#: many are made while Redis publishes the ones before.
PUBLISHED_AT_ONCE = 500


class Broadcast(NamedTuple):
    """Messages to many groups that differ in one field: each is `shared`, and the group's own value as `field`.

    `own` is read once, while earlier items of it are being published.
    """

    shared: Mapping[str, Any]
    field: str
    own: Iterable[tuple[str, Any]]


class Packed(NamedTuple):
    """Messages of which the bytes at the beginning are the same, and what packs the rest of each."""

    beginning: bytes
    pack: Callable[[Any], bytes]
    rests: Iterable[tuple[str, Any]]


def packed(lot: Broadcast, serializer: BaseMessageSerializer) -> Packed:
    """How the messages of `lot` are serialized. In MessagePack a map is its size, then field after field."""
    if type(serializer) is not MsgPackSerializer or serializer.crypter or serializer.random_prefix_length:
        return Packed(b"", lambda own: bytes(serializer.serialize({**lot.shared, lot.field: own})), lot.own)
    packer = msgpack.Packer()
    size = packer.pack_map_header(len(lot.shared) + 1)
    fields = b"".join(packer.pack(part) for item in lot.shared.items() for part in item)
    return Packed(size + fields + packer.pack(lot.field), packer.pack, lot.own)


class NotAllPublished(redis.ConnectionError):
    """Some hosts did not take their messages; the others did."""

    def __init__(self, errors: Sequence[Exception], hosts: int) -> None:
        super().__init__(f"{len(errors)} of {hosts} hosts did not take their messages: {errors[0]!r}")
        self.errors = errors


def publish(hosts: Sequence["Host"], prefix: str, lots: Iterable[Packed]) -> int:
    """Publish to the channels `prefix` + group, each on the host that is its own.

    A host that fails gets nothing more, and the others get everything; then NotAllPublished is raised.
    """
    with ExitStack() as stack:
        wires = [stack.enter_context(_Wire(host)) for host in hosts]
        for beginning, pack, rests in lots:
            left = iter(rests)
            while any(wire.error is None for wire in wires) and (some := list(islice(left, PUBLISHED_AT_ONCE))):
                for wire, told in zip(wires, _told(len(wires), prefix, pack, some), strict=True):
                    wire.publish(beginning, told)
        taken = sum(wire.taken() for wire in wires)
        if errors := [wire.error for wire in wires if wire.error is not None]:
            raise NotAllPublished(errors, len(wires))
        return taken


def _told(
    hosts: int, prefix: str, pack: Callable[[Any], bytes], some: Sequence[tuple[str, Any]]
) -> list[list[str | bytes]]:
    """For each host the channels that are its own, each followed by its message."""
    if hosts == 1:
        return [[part for group, rest in some for part in (prefix + group, pack(rest))]]
    told: list[list[str | bytes]] = [[] for _ in range(hosts)]
    for group, rest in some:
        channel = prefix + group
        told[_consistent_hash(channel, hosts)] += (channel, pack(rest))
    return told


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


class _Wire:
    """A connection to one host, taken when there is something to publish, and returned at the end.

    `error` is the first failure; after it nothing is sent. A host whose circuit is open fails without being asked.
    """

    def __init__(self, host: Host) -> None:
        self.error: Exception | None = None
        self._pool = host.client.connection_pool
        self._breaker = host.breaker
        self._connection: Any = None
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def publish(self, beginning: bytes, told: Sequence[str | bytes]) -> None:
        """Send the messages that one script publishes, and do not wait for it."""
        if not told or self.error is not None:
            return
        try:
            if self._connection is None:
                self._breaker.enter()
                self._connection = self._pool.get_connection()  # a connection that was closed meanwhile is made anew
            # Lua's reader knows strings only, not bytes.
            self._connection.send_command("EVAL", _PUBLISH, 0, msgpack.packb(told, use_bin_type=False), beginning)
        except (redis.RedisError, OSError) as error:
            self._failed(error)
        else:
            self._asked += 1

    def taken(self) -> int:
        """Read the answers, and return how many subscribers took the messages."""
        taken = 0
        try:
            while self._asked and self.error is None:
                taken += self._connection.read_response()
                self._asked -= 1
        except (redis.RedisError, OSError) as error:
            self._failed(error)
        else:
            if self.error is None and self._connection is not None:
                self._breaker.succeeded()
        return taken

    def _failed(self, error: Exception) -> None:
        self.error = error
        if isinstance(error, FAILURES) and not isinstance(error, CircuitOpen):
            self._breaker.failed()
        elif not isinstance(error, CircuitOpen):
            self._breaker.succeeded()  # it answered, with an error

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            if self._asked or self.error is not None:  # answers to come would be taken for those to the next
                self._connection.disconnect()
            self._pool.release(self._connection)
