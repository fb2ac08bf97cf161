"""Acknowledgements of clients, for the timeline of an event only.

Input: for each user the highest acknowledged seq, from the edges, about once a second. Output: the same, for
timelines. The first Redis host of the channel layer has one sorted set for each day (UTC), which expires after two
days. So its size is bounded, and it may be lost.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .channel_layer import ClarionChannelLayer, ClarionLoopLayer
from .user_keys import Key

if TYPE_CHECKING:
    import redis.asyncio

#: Lifetime of a day's set, which is read on its day and the next (seconds).
KEPT_SECONDS = 2 * 24 * 3600


def _key(prefix: str, at: datetime) -> str:
    return f"{prefix}:acks:{at:%Y%m%d}"


async def save(layer: ClarionLoopLayer, acks: Mapping[Key, int]) -> None:
    """Save the highest acknowledged seq of each user, in one round trip.

    Raises redis.exceptions.RedisError or OSError.
    """
    key = _key(layer.prefix, datetime.now(UTC))

    async def execute(client: "redis.asyncio.Redis") -> None:
        pipeline = client.pipeline(transaction=False)
        # Of two edges the higher seq counts, whichever saves last.
        pipeline.zadd(key, {str(user_id): seq for user_id, seq in acks.items()}, gt=True)
        pipeline.expire(key, KEPT_SECONDS)
        await pipeline.execute()

    await layer.call(execute)


def load(layer: ClarionChannelLayer, user_ids: Sequence[Key]) -> dict[Key, int]:
    """Return the highest seq that each of these users acknowledged, today or yesterday; users without one are missing.

    Raises redis.exceptions.RedisError.
    """
    seen: dict[Key, int] = {}
    if not user_ids:
        return seen
    now = datetime.now(UTC)
    with layer.client() as client:
        for at in (now - timedelta(days=1), now):
            seqs = client.zmscore(_key(layer.prefix, at), [str(user_id) for user_id in user_ids])
            for user_id, seq in zip(user_ids, seqs, strict=True):
                if seq is not None:
                    seen[user_id] = max(seen.get(user_id, 0), int(seq))
    return seen
