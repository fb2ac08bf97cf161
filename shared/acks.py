"""Acknowledgements of clients, for the timeline of an event only.

Input: for each user the highest acknowledged seq, from the edges, about once a second. Output: the same, for
timelines. The first Redis host of the channel layer has one sorted set for each day (UTC), which expires after two
days. So its size is bounded, and it may be lost.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import redis
import redis.asyncio

#: Until the next day's set is the one that is asked (seconds).
KEPT_SECONDS = 2 * 24 * 3600


def _key(prefix: str, at: datetime) -> str:
    return f"{prefix}:acks:{at:%Y%m%d}"


async def note(client: "redis.asyncio.Redis", prefix: str, acks: Mapping[int, int]) -> None:
    """Note (user id: seq), in one round trip; raises RedisError."""
    key = _key(prefix, datetime.now(UTC))
    pipeline = client.pipeline(transaction=False)
    # Of two edges the higher counts, whichever speaks last.
    pipeline.zadd(key, {str(user_id): seq for user_id, seq in acks.items()}, gt=True)
    pipeline.expire(key, KEPT_SECONDS)
    await pipeline.execute()


def noted(client: redis.Redis, prefix: str, user_ids: Sequence[int]) -> dict[int, int]:
    """The highest seq of each of these users who acknowledged any today or yesterday; raises RedisError."""
    seen: dict[int, int] = {}
    now = datetime.now(UTC)
    for at in (now - timedelta(days=1), now):
        seqs = client.zmscore(_key(prefix, at), [str(user_id) for user_id in user_ids]) if user_ids else []
        for user_id, seq in zip(user_ids, seqs, strict=True):
            if seq is not None:
                seen[user_id] = max(seen.get(user_id, 0), int(seq))
    return seen
