"""One socket's life: connect, receive, disconnect.

Enters: an ASGI websocket scope, its messages. Leaves: nothing but what the socket says. A plain ASGI application, not
Channels' consumer class, whose every message passes through one shared thread. The socket is accepted before its
token is looked at, since a browser does not see why a handshake was refused.
"""

import json
import logging
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from edge import auth, runtime
from edge.repair import Opening, ReadFailed
from edge.socket import Send, Socket
from shared import metrics, protocol
from shared.protocol import MESSAGE_LIMIT_BYTES, AuthFailure, Close
from shared.tokens import Identity, TokenRefused, verify

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]

#: Where the sockets are.
PATH = "/ws/notification-updates/"
#: When a client should come back to an edge that cannot serve it at this moment (seconds, spread).
COME_BACK_SECONDS = (1.0, 5.0)
#: Codes that browsers and networks close with.
USUAL_CODES = frozenset({1000, 1001, 1005, 1006})
#: Seconds after which a client that sent too much may send again.
RETRY_AFTER_SECONDS = 60


async def websocket(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """The WebSocket application of the edge; any other path is refused with HTTP 403, since it is not accepted."""
    await receive()  # websocket.connect
    if scope["path"] != PATH:
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept", "subprotocol": auth.subprotocol(scope)})
    edge = runtime.edge()
    socket = Socket(edge.sockets, send, uuid.uuid4().hex)
    socket.address = (scope.get("client") or ("",))[0]
    if edge.draining:
        _turn_away(socket)
        return
    if not edge.sockets.connects.allows(socket.address, socket.opened_at):
        _limit(socket, "connects_per_minute")
        return
    try:
        socket.identity = await auth.authenticate(scope, edge.settings, edge.layer, edge.reader)
    except TokenRefused as refused:
        socket.refuse(refused.reason)
        return
    if over := edge.sockets.enter(socket):
        _limit(socket, over)
        return
    try:
        # Listen first, then read: what is published in between is held by the stream, and nothing falls between.
        await edge.sockets.listen(socket)
        if await _open(edge, socket, scope):
            await _receive_until_closed(edge, socket, receive)
    finally:
        # A stopping edge says goodbye to its sockets itself; see drain.py.
        if not edge.draining:
            edge.sockets.remove(socket)


async def _open(edge: runtime.Edge, socket: Socket, scope: Mapping[str, Any]) -> bool:
    """Read who this is and what they missed, and begin; whether the socket is open."""
    since, epoch = auth.cursor(scope)
    try:
        opening = await edge.reader.opening(socket.user_id, since)
    except ReadFailed as error:
        logger.warning("Postgres did not answer a connect", extra={"session": socket.id, "error": repr(error)})
        _turn_away(socket)
        return False
    if opening is None:
        socket.refuse(AuthFailure.INVALID)
        return False
    if not opening.active or _is_revoked(socket.identity, opening):
        socket.refuse(AuthFailure.REVOKED)
        return False
    socket.open(opening, since, epoch)
    return True


async def _receive_until_closed(edge: runtime.Edge, socket: Socket, receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            if not socket.closed:
                metrics.CLOSES.labels(_told(message.get("code"))).inc()
            return
        if not socket.closed:
            await _said(edge, socket, message.get("text"), message.get("bytes"))


async def _said(edge: runtime.Edge, socket: Socket, text: str | None, binary: bytes | None) -> None:
    """One message of the client. What says nothing is counted and ignored; only too much of it closes the socket."""
    socket.heard()
    if len(binary or (text or "").encode()) > MESSAGE_LIMIT_BYTES:
        socket.close(Close.MESSAGE_TOO_LARGE)
        return
    if not socket.rate.allows(socket.heard_at):
        _limit(socket, "messages_per_minute")
        return
    try:
        said = json.loads(text or "")
    except (ValueError, RecursionError):
        metrics.MESSAGES_IGNORED.labels("malformed").inc()
        return
    match said:
        case {"type": "ping"}:
            socket.send(protocol.PONG)
        case {"type": "heartbeat"}:
            socket.send(protocol.heartbeat_ack(socket.id))
        case {"type": "ack", "seq": int(seq)}:
            socket.acknowledged(seq)
        case {"type": "AUTH", "token": str(token)}:
            await _swap_token(edge, socket, token)
        case _:
            metrics.MESSAGES_IGNORED.labels("unknown").inc()


async def _swap_token(edge: runtime.Edge, socket: Socket, token: str) -> None:
    """A new token for the same user, without a reconnect; it is held to what a connect is held to."""
    try:
        identity = verify(token, socket.settings)
    except TokenRefused as refused:
        socket.refuse(refused.reason)
        return
    if identity.user_id != socket.user_id:
        socket.refuse(AuthFailure.USER_MISMATCH)
        return
    try:
        user = await edge.reader.opening(identity.user_id, None)
    except ReadFailed as error:
        logger.warning("Postgres did not answer a token", extra={"session": socket.id, "error": repr(error)})
        _turn_away(socket)
        return
    if user is None or not user.active or _is_revoked(identity, user):
        socket.refuse(AuthFailure.REVOKED)
        return
    socket.identity, socket.refresh_by, socket.opened_at = identity, None, socket.heard_at
    socket.send(protocol.auth_ok(user_id=socket.user_id, username=socket.username, refreshed=True))


def _told(code: int | None) -> int | str:
    """The close code for the metric: a client can close with any, and may not make as many series."""
    return code if code in USUAL_CODES else "other"


def _is_revoked(identity: Identity, opening: Opening) -> bool:
    return opening.not_before is not None and identity.issued_at < opening.not_before.timestamp()


def _limit(socket: Socket, limit: str) -> None:
    metrics.REFUSED.labels(limit).inc()
    socket.send(protocol.rate_limited(RETRY_AFTER_SECONDS))
    socket.close(Close.TOO_MANY)


def _turn_away(socket: Socket) -> None:
    socket.send(protocol.going_away(random.uniform(*COME_BACK_SECONDS)))  # noqa: S311 - spread
    socket.close(Close.GOING_AWAY)
