"""One-time tickets: they open a socket where a token would end up in a log, as in the query of a URL.

Input: the key of a user, at the web app; a ticket, at the edge. Output: the ticket, or once the user that it was issued
to, with the time and the session, so that a revocation covers tickets too. Kept in the channel layer's first Redis for
half a minute.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from .channel_layer import ClarionChannelLayer, ClarionLoopLayer
from .tokens import session_digest
from .user_keys import Key, KeyType

#: How long a ticket can be used (seconds): from the page's request to its connect.
LIFETIME_SECONDS = 30

#: Distinguishes a ticket from a token.
PREFIX = "ticket-"


@dataclass(frozen=True, slots=True)
class Ticket:
    """The user that a ticket was issued to, when (Unix seconds), and the digest of their session, if known."""

    user_id: Key
    issued_at: float
    session: str | None = None


def issue(layer: ClarionChannelLayer, user_id: Key | UUID, *, session_key: str | None = None) -> str:
    """Return a new ticket that opens a socket of this user; raises redis.exceptions.RedisError."""
    ticket = PREFIX + secrets.token_urlsafe(24)
    session = session_digest(session_key) if session_key else ""
    with layer.client() as client:
        client.set(f"{layer.prefix}:{ticket}", f"{user_id}:{time.time()}:{session}", ex=LIFETIME_SECONDS)
    return ticket


async def redeem(layer: ClarionLoopLayer, ticket: str, keys: KeyType) -> Ticket | None:
    """Return the ticket's content, once; None if it is unknown, too old or was used, or names a key of another type.

    Raises redis.exceptions.RedisError or OSError.
    """
    content: Any = await layer.call(lambda client: client.getdel(f"{layer.prefix}:{ticket}"))
    if content is None:
        return None
    user_id, issued_at, session = content.decode().rsplit(":", 2)  # a key of text may contain colons
    try:
        return Ticket(keys.parse(user_id), float(issued_at), session or None)
    except ValueError:
        return None
