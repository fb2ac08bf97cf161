"""How much Redis lets a subscriber leave unread before it ends the connection.

An edge reads ahead of its sockets (read_ahead.py), but for a moment Redis can publish faster than one process can
read. Redis's default of 32 MB is a burst of a kilobyte each to 30,000 sockets.
"""

from typing import Any

import redis

#: The least hard limit that is enough; the soft limit is to be at least half of it (bytes).
LEAST_BYTES = 128 * 2**20


def pubsub_limits(client: redis.Redis) -> tuple[int, int] | None:
    """Return the hard and the soft limit of subscribers (bytes, 0: none); None if Redis does not say.

    Raises redis.exceptions.RedisError if it does not answer.
    """
    try:
        answer: Any = client.config_get("client-output-buffer-limit")
    except redis.ResponseError:
        return None  # managed servers often forbid CONFIG
    words = str(answer.get("client-output-buffer-limit", "")).split()
    if "pubsub" not in words:
        return None
    at = words.index("pubsub")
    return int(words[at + 1]), int(words[at + 2])


def is_too_small(limits: tuple[int, int] | None) -> bool:
    """Whether a burst may cost an edge its connection."""
    if limits is None:
        return False
    hard, soft = limits
    return 0 < hard < LEAST_BYTES or 0 < soft < LEAST_BYTES // 2
