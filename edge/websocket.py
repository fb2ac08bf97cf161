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
from .outgoing import Send
from .paths import path_of
from .reader import ReadFailed
from .transport import WebSocketTransport

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]

#: Path of the sockets.
PATH = "/ws/notification-updates/"
#: Close codes of browsers and networks.
USUAL_CODES = frozenset({1000, 1001, 1005, 1006})


async def websocket(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Serve the WebSocket of the edge; reject any other path with HTTP 403, before it is accepted."""
    await receive()  # websocket.connect
    if path_of(scope) != PATH:
        await send({"type": "websocket.close"})
        return
    edge = runtime.edge()
    await send({"type": "websocket.accept", "subprotocol": auth.answered_subprotocol(scope, edge.settings)})
    transport = WebSocketTransport(send)
    socket = edge.hub.connection(transport, uuid.uuid4().hex)
    async with admitted(edge, socket, scope) as is_open:
        if is_open:
            await _receive_until_closed(edge, socket, receive)
    await transport.flush()


async def _receive_until_closed(edge: runtime.Edge, socket: Connection, receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            if not socket.closed:
                metrics.CLOSES.labels(_label(message.get("code"))).inc()
            return
        if socket.closed:
            continue
        if message["type"] == TOO_MANY_FRAMES:
            socket.exceed("messages_per_minute")
        elif message["type"] == TOO_LARGE:
            socket.close(Close.MESSAGE_TOO_LARGE)
        else:
            await _handle(edge, socket, message.get("text"), message.get("bytes"))


async def _handle(edge: runtime.Edge, socket: Connection, text: str | None, binary: bytes | None) -> None:
    """Handle one message of the client.

    Malformed and unknown messages are counted and ignored. Too many messages, or one that is too large, close the
    socket (under Daphne already in daphne/websocket_protocol.py, which counts other frames too).
    """
    socket.record_message()
    if len(binary or (text or "").encode()) > edge.settings.message_bytes:
        socket.close(Close.MESSAGE_TOO_LARGE)
        return
    if not socket.rate.allows(socket.last_message_at):
        socket.exceed("messages_per_minute")
        return
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError):
        metrics.MESSAGES_IGNORED.labels("malformed").inc()
        return
    match message:
        case {"type": "ping"}:
            socket.send(protocol.PONG)
        case {"type": "heartbeat"}:
            socket.send(protocol.heartbeat_ack(socket.id))
        case {"type": "ack", "seq": int(seq)}:
            socket.acknowledged(seq)
        case {"type": "AUTH", "token": str(token)}:
            await _replace_token(edge, socket, token)
        case _:
            metrics.MESSAGES_IGNORED.labels("unknown").inc()


async def _replace_token(edge: runtime.Edge, socket: Connection, token: str) -> None:
    """Replace the token of an open socket by a new one for the same user, under the same conditions as a connect."""
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
        user = await edge.reader.connect_state(identity.user_id, None, subject=identity.subject)
    except ReadFailed as error:
        logger.warning(
            "Postgres did not answer the query for a token's user", extra={"session": socket.id, "error": repr(error)}
        )
        cannot_check(socket, CannotCheck("postgres"))
        return
    if user is not None and user.user_id != socket.user_id:
        socket.refuse(AuthFailure.USER_MISMATCH)
        return
    if user is None or not user.access.admits(identity):
        socket.refuse(AuthFailure.REVOKED)
        return
    socket.identity = replace(identity, user_id=user.user_id)
    socket.refresh_by, socket.opened_at = None, socket.last_message_at
    socket.send(protocol.auth_ok(user_id=socket.user_id, username=socket.username, refreshed=True))


def _label(code: int | None) -> int | str:
    """Return the close code as a label of the metric; clients can send any code, so unknown ones share a label."""
    return code if code in USUAL_CODES else "other"
