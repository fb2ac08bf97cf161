"""The life of a WebSocket: connect, receive, disconnect.

Input: an ASGI websocket scope and its messages. It is a plain ASGI application and not a consumer class of Channels,
because each message to such a class passes through one shared thread.
"""

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from ..shared import metrics, protocol
from ..shared.protocol import AuthFailure, Close
from ..shared.tokens import CannotCheck, TokenRefused
from . import auth, runtime
from .admission import admitted, cannot_check
from .connection import Connection
from .daphne.websocket_protocol import TOO_LARGE, TOO_MANY_FRAMES
from .paths import path_of
from .reader import ReadFailed
from .transport import Send, WebSocketTransport

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]

#: Where the sockets are.
PATH = "/ws/notification-updates/"
#: Codes that browsers and networks close with.
USUAL_CODES = frozenset({1000, 1001, 1005, 1006})


async def websocket(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """The WebSocket application of the edge; any other path is refused with HTTP 403, since it is not accepted."""
    await receive()  # websocket.connect
    if path_of(scope) != PATH:
        await send({"type": "websocket.close"})
        return
    edge = runtime.edge()
    await send({"type": "websocket.accept", "subprotocol": auth.answered_subprotocol(scope, edge.settings)})
    socket = edge.hub.connection(WebSocketTransport(send), uuid.uuid4().hex)
    async with admitted(edge, socket, scope) as is_open:
        if is_open:
            await _receive_until_closed(edge, socket, receive)


async def _receive_until_closed(edge: runtime.Edge, socket: Connection, receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            if not socket.closed:
                metrics.CLOSES.labels(_told(message.get("code"))).inc()
            return
        if socket.closed:
            continue
        if message["type"] == TOO_MANY_FRAMES:
            socket.exceed("messages_per_minute")
        elif message["type"] == TOO_LARGE:
            socket.close(Close.MESSAGE_TOO_LARGE)
        else:
            await _said(edge, socket, message.get("text"), message.get("bytes"))


async def _said(edge: runtime.Edge, socket: Connection, text: str | None, binary: bytes | None) -> None:
    """Handle one message of the client.

    Malformed and unknown messages are counted and ignored. Too many messages, or one that is too large, close the
    socket (under Daphne already in transport.py, which counts other frames too).
    """
    socket.heard()
    if len(binary or (text or "").encode()) > edge.settings.message_bytes:
        socket.close(Close.MESSAGE_TOO_LARGE)
        return
    if not socket.rate.allows(socket.heard_at):
        socket.exceed("messages_per_minute")
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


async def _swap_token(edge: runtime.Edge, socket: Connection, token: str) -> None:
    """A new token for the same user, without a reconnect; it is held to what a connect is held to."""
    try:
        identity = await auth.verified(token, edge)
    except TokenRefused as refused:
        socket.refuse(refused.reason)
        return
    except CannotCheck as away:
        cannot_check(socket, away)
        return
    if identity.subject is None and identity.user_id != socket.user_id:
        socket.refuse(AuthFailure.USER_MISMATCH)
        return
    try:
        user = await edge.reader.opening(identity.who, None)
    except ReadFailed as error:
        logger.warning("Postgres did not answer a token", extra={"session": socket.id, "error": repr(error)})
        cannot_check(socket, CannotCheck("postgres"))
        return
    if user is not None and user.user_id != socket.user_id:
        socket.refuse(AuthFailure.USER_MISMATCH)
        return
    if user is None or not user.access.admits(identity):
        socket.refuse(AuthFailure.REVOKED)
        return
    socket.identity = replace(identity, user_id=user.user_id)
    socket.refresh_by, socket.opened_at = None, socket.heard_at
    socket.send(protocol.auth_ok(user_id=socket.user_id, username=socket.username, refreshed=True))


def _told(code: int | None) -> int | str:
    """The close code for the metric: a client can close with any, and may not make as many series."""
    return code if code in USUAL_CODES else "other"
