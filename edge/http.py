"""The HTTP requests of the edge: event streams, health and metrics.

Input: an ASGI http scope. Output: an answer; for an unknown path, one that lists the known paths.
"""

from collections.abc import Mapping
from typing import Any

from ..shared.protocol import dumps
from . import session_cookie, sse
from .health import answer, health, metrics_page, readiness
from .outgoing import Send
from .paths import path_of
from .websocket import Receive


async def http(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer HTTP requests of the edge."""
    path = path_of(scope)
    if session_cookie.has_malformed_origin(scope):
        await answer(send, 400, dumps({"detail": "The header Origin is malformed."}))
        return
    if scope["method"] == "OPTIONS" and path == sse.PATH:
        await sse.preflight(scope, send)
        return
    if scope["method"] not in ("GET", "HEAD"):
        await answer(send, 405, dumps({"detail": "The edge is read-only: GET."}))
        return
    match path:
        case sse.PATH if scope["method"] == "HEAD":
            await answer(send, 405, dumps({"detail": "A stream of events has no end and no HEAD: GET."}))
        case sse.PATH:
            await sse.event_stream(scope, receive, send)
        case "/healthz/":
            await health(send)
        case "/readyz/":
            await readiness(send)
        case "/metrics/":
            await metrics_page(send)
        case _:
            there = f"{sse.PATH}, /healthz, /readyz and /metrics"
            await answer(send, 404, dumps({"detail": f"The edge answers its sockets, {there}."}))
