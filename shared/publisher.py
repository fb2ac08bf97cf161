"""Many messages to many channels, in one round trip for each Redis host, without an event loop.

Enters: clients of the hosts, and lots of messages. Leaves: the messages, published in order; how many subscribers took
them. What is packed is on its way while the next is being packed; the answers are read at the end. Only what differs
between the messages of a lot is sent for each, and a script in Redis puts them together: building, sending and parsing
all of them, and an answer to each, would cost several times as much.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped]
import redis
from channels_redis.serializers import BaseMessageSerializer, MsgPackSerializer
from channels_redis.utils import _consistent_hash

_PUBLISH = """
local told, beginning, publish = cmsgpack.unpack(ARGV[1]), ARGV[2], redis.call
local taken = 0
for i = 1, #told, 2 do taken = taken + publish('PUBLISH', told[i], beginning .. told[i + 1]) end
return taken
"""
#: Messages of one such script: nothing else runs in Redis meanwhile, which for these is some two milliseconds.
PUBLISHED_AT_ONCE = 1000


class Lot(NamedTuple):
    """Messages to many groups that differ in one field: each is `shared`, and the group's own value as `field`."""

    shared: Mapping[str, Any]
    field: str
    own: Sequence[tuple[str, Any]]


class Packed(NamedTuple):
    """Messages of which the bytes at the beginning are the same, and what packs the rest of each."""

    beginning: bytes
    pack: Callable[[Any], bytes]
    rests: Sequence[tuple[str, Any]]


def packed(lot: Lot, serializer: BaseMessageSerializer) -> Packed:
    """How the messages of `lot` are serialized. In MessagePack a map is its size, then field after field."""
    if type(serializer) is not MsgPackSerializer or serializer.crypter or serializer.random_prefix_length:
        return Packed(b"", lambda own: bytes(serializer.serialize({**lot.shared, lot.field: own})), lot.own)
    packer = msgpack.Packer()
    size = packer.pack_map_header(len(lot.shared) + 1)
    fields = b"".join(packer.pack(part) for item in lot.shared.items() for part in item)
    return Packed(size + fields + packer.pack(lot.field), packer.pack, lot.own)


def publish(hosts: Sequence[redis.Redis], prefix: str, lots: Sequence[Packed]) -> int:
    """Publish to the channels `prefix` + group; raises redis.exceptions.RedisError."""
    pipelines = [host.pipeline(transaction=False) for host in hosts]
    for beginning, pack, rests in lots:
        told: list[list[str | bytes]] = [[] for _ in hosts]
        for group, rest in rests:
            channel = prefix + group
            told[_consistent_hash(channel, len(hosts))] += (channel, pack(rest))
        for pipeline, some in zip(pipelines, told, strict=True):
            for start in range(0, len(some), PUBLISHED_AT_ONCE * 2):
                # Lua's reader knows strings only, not bytes.
                listed = msgpack.packb(some[start : start + PUBLISHED_AT_ONCE * 2], use_bin_type=False)
                pipeline.eval(_PUBLISH, 0, listed, beginning)
    return sum(sum(pipeline.execute()) for pipeline in pipelines if len(pipeline))
