"""One-time tickets: they open a socket where a token would end up in a log, as in the query of a URL.

Input: a user id, at the web app; a ticket, at the edge. Output: the ticket, or once the user that it was issued to,
with the time and the session, so that a revocation covers tickets too. Kept in the channel layer's first Redis for
half a minute.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio

#: How long a ticket can be used (seconds): from the page's request to its connect.
LIFETIME_SECONDS = 30

#: Distinguishes a ticket from a token.
PREFIX = "ticket-"


@dataclass(frozen=True, slots=True)
class Ticket:
    """The user that a ticket was issued to, when (Unix seconds), and the digest of their session, if known."""

    user_id: int
    issued_at: float
    session: str | None = None


def issue(client: redis.Redis, prefix: str, user_id: int, session: str | None = None) -> str:
    """Return a new ticket for this user; raises RedisError."""
    ticket = PREFIX + secrets.token_urlsafe(24)
    client.set(f"{prefix}:{ticket}", f"{user_id}:{time.time()}:{session or ''}", ex=LIFETIME_SECONDS)
    return ticket


async def redeem(client: "redis.asyncio.Redis", prefix: str, ticket: str) -> Ticket | None:
    """Return the ticket's content, once; None if it is unknown, too old or was used. Raises RedisError."""
    content: Any = await client.getdel(f"{prefix}:{ticket}")
    if content is None:
        return None
    user_id, _, rest = content.decode().partition(":")
    issued_at, _, session = rest.partition(":")
    # A web app of an older version, in the middle of a deploy, stores the user alone: count it as old as it may be.
    return Ticket(int(user_id), float(issued_at or time.time() - LIFETIME_SECONDS), session or None)
