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

#: Range of the retry delay of a client that this edge cannot serve now (seconds).
RETRY_SECONDS = (1.0, 5.0)

#: Maximum concurrently delayed refusals; further ones are answered immediately.
DELAYED_REFUSALS_MAX = 500


@asynccontextmanager
async def admitted(edge: Edge, socket: Connection, scope: Mapping[str, Any]) -> AsyncIterator[bool]:
    """Admit the socket and yield whether it is open; unregister it at the end of the block."""
    socket.address = address_of(scope, edge.settings.trusted_proxies)
    try:
        yield await _admit(edge, socket, scope)
    finally:
        # A stopping edge closes its sockets itself; see drain.py.
        if not edge.hub.stopping:
            edge.hub.unregister(socket)


async def _admit(edge: Edge, socket: Connection, scope: Mapping[str, Any]) -> bool:
    """Authenticate, check the limits, subscribe, read the missed frames, and open."""
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
            # Subscribe first, then read: the stream holds frames that are published in between, so none is lost.
            await edge.hub.subscribe(socket)
            state = _checked(socket, await edge.reader.connect_state(socket.user_id, since))
            socket.open(state, since, epoch, confirm=confirm)
        else:
            # Only Postgres can identify the user, so it is read first. A position check finds frames that are
            # published before the subscription.
            state = _checked(socket, await edge.reader.connect_state(None, since, subject=socket.identity.subject))
            socket.identity = replace(socket.identity, user_id=state.user_id)
            if not _enter(edge, socket):
                return False
            await edge.hub.subscribe(socket)
            socket.open(state, since, epoch, confirm=confirm)
            await edge.hub.check_positions([socket])
    except TokenRefused as refused:
        await _delay_refusal(edge, socket, scope)
        socket.refuse(refused.reason)
        return False
    except CannotCheck as away:
        cannot_check(socket, away)
        return False
    except ReadFailed as error:
        logger.warning(
            "Postgres did not answer the query of a connect", extra={"session": socket.id, "error": repr(error)}
        )
        cannot_check(socket, CannotCheck("postgres" if edge.reader.fault is None else "settings"))
        return False
    return True


async def _delay_refusal(edge: Edge, socket: Connection, scope: Mapping[str, Any]) -> None:
    """Delay the answer to a refusal that repeats, by address and token."""
    sockets = edge.hub
    token = auth.offered(scope, edge.settings)
    seconds = sockets.refusals.delay((socket.address, hash(token)), asyncio.get_running_loop().time())
    if not seconds or sockets.delayed_refusals >= DELAYED_REFUSALS_MAX or edge.hub.draining:
        return
    sockets.delayed_refusals += 1
    try:
        await asyncio.sleep(seconds)
    finally:
        sockets.delayed_refusals -= 1


def _enter(edge: Edge, socket: Connection) -> bool:
    over = edge.hub.register(socket)
    if over:
        socket.exceed(over)
    return not over


def _checked(socket: Connection, state: ConnectState | None) -> ConnectState:
    """Return the user of the token, if they exist and may connect; raise TokenRefused."""
    identity = socket.identity
    # Postgres may compare texts without regard to case, but the group is named after the key as it is stored.
    if state is None or (identity.subject is None and state.user_id != identity.user_id):
        raise TokenRefused(AuthFailure.INVALID)
    if not state.access.admits(identity):
        raise TokenRefused(AuthFailure.REVOKED)
    return state


def cannot_check(socket: Connection, away: CannotCheck) -> None:
    """Ask the client to retry later, because an outage of a dependency is not the fault of its token."""
    metrics.AUTH_UNAVAILABLE.labels(away.dependency).inc()
    turn_away(socket)


def turn_away(socket: Connection) -> None:
    """Ask the client to retry in some seconds, because this edge cannot serve it now."""
    socket.send(protocol.going_away(random.uniform(*RETRY_SECONDS)))  # noqa: S311 - spread
    socket.close(Close.GOING_AWAY)
