"""Server-Sent Events: the stream of an inbox for clients that cannot open a WebSocket.

Input: an ASGI http scope. Output: the same frames as on a WebSocket. The id of each event is the cursor, so an
EventSource of a browser resumes by itself (`Last-Event-ID`). The client cannot acknowledge frames, so its network
decides how fast it is sent more.
"""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

from ..shared import metrics
from . import runtime, session_cookie
from .admission import admitted
from .connection import Connection
from .outgoing import Send
from .runtime import Edge
from .transport import EventStreamTransport
from .websocket import Receive

#: Where the streams are.
PATH = "/sse/notification-updates/"
#: Delay after which an EventSource whose stream has ended reconnects (milliseconds).
RETRY_MILLISECONDS = 5000
#: How long a browser may keep the answer to a preflight (seconds).
PREFLIGHT_SECONDS = 600


async def event_stream(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer with the event stream."""
    edge = runtime.edge()
    await send({"type": "http.response.start", "status": 200, "headers": _headers(scope, edge)})
    transport = EventStreamTransport(send, f"retry: {RETRY_MILLISECONDS}\n")
    transport.keep_alive()  # so that the headers go out
    socket = edge.hub.connection(transport, uuid.uuid4().hex)
    async with admitted(edge, socket, scope) as is_open:
        if is_open:
            await _keep_alive_until_gone(socket, transport, receive)
    await transport.flush()


async def _keep_alive_until_gone(socket: Connection, transport: EventStreamTransport, receive: Receive) -> None:
    """Send comments at intervals; close a client that reads nothing for long, like a silent one."""
    message: dict[str, Any] = {"type": ""}
    while message["type"] != "http.disconnect":
        try:
            async with asyncio.timeout(socket.settings.heartbeat_seconds / 2):
                message = await receive()
        except TimeoutError:
            if not transport.waiting:  # earlier bytes were sent
                socket.record_message()
            transport.keep_alive()
    if not socket.closed:
        metrics.CLOSES.labels("gone").inc()


async def preflight(scope: Mapping[str, Any], send: Send) -> None:
    """Answer a browser that asks whether a page of another origin may send these headers with its request."""
    headers = _cross_origin(scope, runtime.edge())
    if headers:
        headers += [
            (b"access-control-allow-methods", b"GET"),
            (b"access-control-allow-headers", b"authorization, last-event-id, cache-control"),
            (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
        ]
    await send({"type": "http.response.start", "status": 204, "headers": [*headers, (b"cache-control", b"no-store")]})
    await send({"type": "http.response.body", "body": b""})


def _headers(scope: Mapping[str, Any], edge: Edge) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store, no-transform"),  # a proxy that compresses would hold events back
        (b"x-accel-buffering", b"no"),  # and so would nginx's buffer
        *_cross_origin(scope, edge),
    ]


def _cross_origin(scope: Mapping[str, Any], edge: Edge) -> list[tuple[bytes, bytes]]:
    """Return the headers by which an allowed origin may read the answer."""
    origin = session_cookie.allowed_origin(scope, edge.settings)
    if origin is None:
        return []
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    ]
