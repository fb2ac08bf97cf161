"""Authenticates a client: from its credential to a user id.

Input: the scope of a handshake, or a token sent in band. Output: the identity in a verified token, TokenRefused with
the reason for the client, or CannotCheck while a dependency is away. A token is looked for in the subprotocol, in the
Authorization header and in the query, in this order; the first one found counts, and a later one does not make up for
a bad one. In each place a one-time ticket will do instead. Without any of them, the web app's session counts, from an
allowed Origin.
"""

import logging
import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

from redis.exceptions import RedisError

from ..shared import tickets
from ..shared.channel_layer import ClarionLoopLayer
from ..shared.jwks import is_of_a_provider
from ..shared.protocol import BEARER_PREFIX, SUBPROTOCOL, AuthFailure
from ..shared.settings import Settings
from ..shared.tokens import TOKEN_MAX_LENGTH, CannotCheck, Identity, TokenRefused, verify
from . import session_cookie
from .reader import WRONG_STATEMENT, InboxReader, ReadFailed
from .runtime import Edge

logger = logging.getLogger(__name__)

Scope = Mapping[str, Any]

#: Digits of the largest cursor; longer ones are malformed.
CURSOR_MAX_DIGITS = 18
#: Fields of a query; one with more is read as empty.
QUERY_MAX_FIELDS = 20


def answered_subprotocol(scope: Scope, settings: Settings) -> str | None:
    """Return the subprotocol to answer with: ours, or one that announces a token, if the client offers it."""
    if SUBPROTOCOL in scope.get("subprotocols", ()):
        return SUBPROTOCOL
    announced = announced_token(scope, settings)
    return None if announced is None else announced[0]


def announced_token(scope: Scope, settings: Settings) -> tuple[str, str] | None:
    """Return the subprotocol and the token of clients that offer `["<name>", "<token>"]`, a name of the settings."""
    for name, token in pairwise(scope.get("subprotocols", ())):
        if name in settings.jwt_subprotocols:
            return name, token
    return None


async def authenticate(scope: Scope, edge: Edge) -> Identity:
    """Authenticate a connect by a token, a one-time ticket or the session cookie.

    Raises TokenRefused, or CannotCheck while a needed dependency does not answer.
    """
    token = offered(scope, edge.settings)
    if token is None:
        return await _signed_in(scope, edge.settings, edge.reader)
    if token.startswith(tickets.PREFIX):
        return await _redeemed(token, edge.settings, edge.layer)
    return await verified(token, edge)


async def verified(token: str, edge: Edge) -> Identity:
    """Verify a token of ours or of the identity provider; raises TokenRefused or CannotCheck."""
    if edge.keys is not None and len(token) <= TOKEN_MAX_LENGTH and is_of_a_provider(token):
        return await edge.keys.verify(token)
    return verify(token, edge.settings)


async def _signed_in(scope: Scope, settings: Settings, reader: InboxReader) -> Identity:
    key = session_cookie.cookie_of(scope, settings)
    identity = None
    if key is not None:
        try:
            identity = await session_cookie.identity_of(key, reader, settings, time.time())
        except WRONG_STATEMENT as error:
            # No table of sessions, or no right to read it: sessions open no sockets here, now or later.
            logger.warning(
                "The edge cannot read sessions: session cookies open no sockets", extra={"error": repr(error)}
            )
        except ReadFailed as error:
            logger.warning("Could not look up a session in Postgres", extra={"error": repr(error)})
            raise CannotCheck("postgres") from error
    if identity is None:
        raise TokenRefused(AuthFailure.MISSING)
    return identity


async def _redeemed(text: str, settings: Settings, layer: ClarionLoopLayer) -> Identity:
    try:
        ticket = await tickets.redeem(layer, text, settings.user_key)
    except (RedisError, OSError) as error:
        logger.warning("Could not look up a ticket in Redis", extra={"error": repr(error)})
        raise CannotCheck("redis") from error
    if ticket is None:
        raise TokenRefused(AuthFailure.INVALID)
    expires_at = ticket.issued_at + settings.jwt_lifetime_seconds
    return Identity(ticket.user_id, expires_at, ticket.issued_at, session=ticket.session)


def cursor(scope: Scope) -> tuple[int | None, str | None]:
    """Return the cursor from `Last-Event-ID` or the query, or (None, None) if it is missing or malformed."""
    query = _query(scope)
    since, epoch = query.get("since", ""), query.get("epoch")
    for name, value in scope.get("headers", ()):
        if name == b"last-event-id":  # it connects with the address it began with, so this is the newer one
            epoch, _, since = value.decode("latin-1").rpartition(":")
    if not (since.isascii() and since.isdecimal() and len(since) <= CURSOR_MAX_DIGITS):
        return None, None
    return int(since), epoch


def offered(scope: Scope, settings: Settings) -> str | None:
    """Return the token or ticket of the handshake, unverified; None without one."""
    for subprotocol in scope.get("subprotocols", ()):
        if subprotocol.startswith(BEARER_PREFIX):
            return str(subprotocol.removeprefix(BEARER_PREFIX))
    if (announced := announced_token(scope, settings)) is not None:
        return announced[1]
    for name, value in scope.get("headers", ()):
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer":
                return str(token.strip())
    return _query(scope).get("token")


def _query(scope: Scope) -> dict[str, str]:
    # Of a repeated parameter the last counts. Nothing here is logged: it may hold a token.
    try:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=QUERY_MAX_FIELDS)
    except ValueError:
        return {}  # more fields than anybody needs
    return {name: values[-1] for name, values in query.items()}
