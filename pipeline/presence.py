"""Which users are connected at this moment, for applications that reach other users in another way.

Input: user ids. Output: those of them with an open connection on any edge. Redis is asked for the subscribers of their
groups, so nothing is written and nothing has to expire. The users of an edge that crashes are gone with its connection
to Redis, and `tcp-keepalive` of Redis detects a machine that vanished. The answer holds for a moment only, so use it
for decisions that do no harm when a user has just connected or left.
"""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from ..shared.channel_layer import channel_layer
from ..shared.groups import user_group
from .persons import key_of

K = TypeVar("K", int, str, UUID)


def connected(user_ids: Sequence[K]) -> set[K]:
    """Return the connected ones of these users, in one round trip; raises redis.exceptions.RedisError."""
    if not user_ids:
        return set()
    counts = channel_layer().listening([user_group(key_of(user_id)) for user_id in user_ids])
    return {user_id for user_id, count in zip(user_ids, counts, strict=True) if count}
