"""Admits a connection: from an accepted handshake to an open stream, or a refusal with its reason.

Input: the scope of a handshake, and a connection that nothing was sent to yet. Output: the connection is open,
subscribed and has received the frames that it missed, or it is closed. The handshake is accepted before the token is
checked, because a browser does not show why a handshake was refused.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from ..shared import metrics, protocol
from ..shared.protocol import AuthFailure, Close
from ..shared.tokens import CannotCheck, TokenRefused
from . import auth
from .address import address_of
from .connection import Connection
from .reader import ConnectState, ReadFailed
from .runtime import Edge

logger = logging.getLogger(__name__)

#: When a client should come back to an edge that cannot serve it at this moment (seconds, spread).
COME_BACK_SECONDS = (1.0, 5.0)

#: Refused sockets that wait for their answer concurrently; further ones are answered immediately.
HELD_BACK_MAX = 500


@asynccontextmanager
async def admitted(edge: Edge, socket: Connection, scope: Mapping[str, Any]) -> AsyncIterator[bool]:
    """Whether the socket is open; it is one of the process's sockets until the block ends."""
    socket.address = address_of(scope, edge.settings.trusted_proxies)
    try:
        yield await _admit(edge, socket, scope)
    finally:
        # A stopping edge says goodbye to its sockets itself; see drain.py.
        if not edge.hub.stopping:
            edge.hub.remove(socket)


async def _admit(edge: Edge, socket: Connection, scope: Mapping[str, Any]) -> bool:
    """Find out who this is and whether there is room for one more of theirs; listen, read, and begin."""
    if edge.hub.draining:
        turn_away(socket)
        return False
    if not edge.hub.connects.allows(socket.address, socket.opened_at):
        socket.exceed("connects_per_minute")
        return False
    since, epoch = auth.cursor(scope)
    confirm = auth.announced_token(scope, edge.settings) is not None
    try:
        socket.identity = await auth.authenticate(scope, edge)
        if socket.identity.subject is None:
            if not _enter(edge, socket):
                return False
            # Listen first, then read: the stream holds frames that are published in between, so none is lost.
            await edge.hub.listen(socket)
            opening = _let_in(socket, await edge.reader.opening(socket.user_id, since))
            socket.open(opening, since, epoch, confirm=confirm)
        else:
            # Only Postgres can identify the user, so it is read first. Frames that are published before the socket
            # listens is found by a look at the head after.
            opening = _let_in(socket, await edge.reader.opening(socket.identity.who, since))
            socket.identity = replace(socket.identity, user_id=opening.user_id)
            if not _enter(edge, socket):
                return False
            await edge.hub.listen(socket)
            socket.open(opening, since, epoch, confirm=confirm)
            await edge.hub.find_quiet_loss([socket])
    except TokenRefused as refused:
        await _hold_back(edge, socket, scope)
        socket.refuse(refused.reason)
        return False
    except CannotCheck as away:
        cannot_check(socket, away)
        return False
    except ReadFailed as error:
        logger.warning("Postgres did not answer a connect", extra={"session": socket.id, "error": repr(error)})
        cannot_check(socket, CannotCheck("postgres" if edge.reader.fault is None else "settings"))
        return False
    return True


async def _hold_back(edge: Edge, socket: Connection, scope: Mapping[str, Any]) -> None:
    """Delay the answer to a refusal that repeats, by address and token."""
    sockets = edge.hub
    token = auth.offered(scope, edge.settings)
    seconds = sockets.refusals.delay((socket.address, hash(token)), asyncio.get_running_loop().time())
    if not seconds or sockets.held_back >= HELD_BACK_MAX or edge.hub.draining:
        return
    sockets.held_back += 1
    try:
        await asyncio.sleep(seconds)
    finally:
        sockets.held_back -= 1


def _enter(edge: Edge, socket: Connection) -> bool:
    over = edge.hub.enter(socket)
    if over:
        socket.exceed(over)
    return not over


def _let_in(socket: Connection, opening: ConnectState | None) -> ConnectState:
    """Return the user of the token, if they exist and may connect; raise TokenRefused."""
    if opening is None:
        raise TokenRefused(AuthFailure.INVALID)
    if not opening.access.admits(socket.identity):
        raise TokenRefused(AuthFailure.REVOKED)
    return opening


def cannot_check(socket: Connection, away: CannotCheck) -> None:
    """Have the client come back later, because the outage of a dependency is not the fault of its token."""
    metrics.AUTH_UNAVAILABLE.labels(away.dependency).inc()
    turn_away(socket)


def turn_away(socket: Connection) -> None:
    """Have the client come back in a moment: this edge cannot serve it now."""
    socket.send(protocol.going_away(random.uniform(*COME_BACK_SECONDS)))  # noqa: S311 - spread
    socket.close(Close.GOING_AWAY)
