"""From an accepted connection to an open stream, or a refusal that says why.

Enters: the scope of a handshake, and a socket that nothing was sent to yet. Leaves: the socket open, listening, with
what it missed on its way; or closed. The connection was accepted before its token is looked at, since a browser does
not see why a handshake was refused.
"""

import logging
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from edge import auth
from edge.repair import Opening, ReadFailed
from edge.runtime import Edge
from edge.socket import Socket
from shared import metrics, protocol
from shared.protocol import AuthFailure, Close
from shared.tokens import Identity, TokenRefused

logger = logging.getLogger(__name__)

#: When a client should come back to an edge that cannot serve it at this moment (seconds, spread).
COME_BACK_SECONDS = (1.0, 5.0)
#: Seconds after which a client that sent or opened too much may try again.
RETRY_AFTER_SECONDS = 60


@asynccontextmanager
async def admitted(edge: Edge, socket: Socket, scope: Mapping[str, Any]) -> AsyncIterator[bool]:
    """Whether the socket is open; it is one of the process's sockets until the block ends."""
    socket.address = (scope.get("client") or ("",))[0]
    if not await _may_enter(edge, socket, scope):
        yield False
        return
    try:
        # Listen first, then read: what is published in between is held by the stream, and nothing falls between.
        await edge.sockets.listen(socket)
        yield await _open(edge, socket, scope)
    finally:
        # A stopping edge says goodbye to its sockets itself; see drain.py.
        if not edge.draining:
            edge.sockets.remove(socket)


async def _may_enter(edge: Edge, socket: Socket, scope: Mapping[str, Any]) -> bool:
    """Find out who this is, and whether there is room for one more of theirs."""
    if edge.draining:
        turn_away(socket)
        return False
    if not edge.sockets.connects.allows(socket.address, socket.opened_at):
        limit(socket, "connects_per_minute")
        return False
    try:
        socket.identity = await auth.authenticate(scope, edge.settings, edge.layer, edge.reader)
    except TokenRefused as refused:
        socket.refuse(refused.reason)
        return False
    if over := edge.sockets.enter(socket):
        limit(socket, over)
        return False
    return True


async def _open(edge: Edge, socket: Socket, scope: Mapping[str, Any]) -> bool:
    """Read who this is and what they missed, and begin; whether the socket is open."""
    since, epoch = auth.cursor(scope)
    try:
        opening = await edge.reader.opening(socket.user_id, since)
    except ReadFailed as error:
        logger.warning("Postgres did not answer a connect", extra={"session": socket.id, "error": repr(error)})
        turn_away(socket)
        return False
    if opening is None:
        socket.refuse(AuthFailure.INVALID)
        return False
    if not opening.active or is_revoked(socket.identity, opening):
        socket.refuse(AuthFailure.REVOKED)
        return False
    socket.open(opening, since, epoch)
    return True


def is_revoked(identity: Identity, opening: Opening) -> bool:
    """Whether this identity is from before its user logged out everywhere."""
    return opening.not_before is not None and identity.issued_at < opening.not_before.timestamp()


def limit(socket: Socket, name: str) -> None:
    """Refuse a socket that is over this limit."""
    metrics.REFUSED.labels(name).inc()
    socket.send(protocol.rate_limited(RETRY_AFTER_SECONDS))
    socket.close(Close.TOO_MANY)


def turn_away(socket: Socket) -> None:
    """Have the client come back in a moment: this edge cannot serve it now."""
    socket.send(protocol.going_away(random.uniform(*COME_BACK_SECONDS)))  # noqa: S311 - spread
    socket.close(Close.GOING_AWAY)
