"""Who is connected at this moment: for those who choose another way to reach people who are not.

Enters: user ids. Leaves: those of them who have a socket or an event stream on any edge. Redis is asked who is
subscribed, so nothing has to be written or expire: an edge that crashes takes its users along, and one whose machine
vanished is noticed by Redis's `tcp-keepalive`. An answer is true for a moment only, and no promise: what is decided by
it must do no harm where somebody has just come or gone.
"""

from collections.abc import Sequence

from ..shared.groups import user_group
from .publish import channel_layer


def connected(user_ids: Sequence[int]) -> set[int]:
    """Those of these users who are connected, in one round trip; raises redis.exceptions.RedisError."""
    if not user_ids:
        return set()
    counts = channel_layer().listening([user_group(user_id) for user_id in user_ids])
    return {user_id for user_id, count in zip(user_ids, counts, strict=True) if count}
