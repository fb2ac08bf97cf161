"""One-time tickets: what opens a socket where a token would end up in a log, as in the query of a URL.

Enters: a user id, at the web app; a ticket, at the edge. Leaves: the ticket, or the user it was issued to, once. Kept
in the channel layer's first Redis for half a minute.
"""

import secrets

import redis
import redis.asyncio

#: How long a ticket can be used (seconds): from the page's request to its connect.
LIFETIME_SECONDS = 30

#: So that a ticket is told from a token.
PREFIX = "ticket-"


def issue(client: redis.Redis, prefix: str, user_id: int) -> str:
    """A new ticket for this user; raises RedisError."""
    ticket = PREFIX + secrets.token_urlsafe(24)
    client.set(f"{prefix}:{ticket}", user_id, ex=LIFETIME_SECONDS)
    return ticket


async def redeem(client: "redis.asyncio.Redis", prefix: str, ticket: str) -> int | None:
    """Whom the ticket was issued to; None if it is unknown, too old or was used. Raises RedisError."""
    user_id = await client.getdel(f"{prefix}:{ticket}")
    return None if user_id is None else int(user_id)
