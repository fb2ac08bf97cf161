"""What the edge answers over HTTP: its event streams, its health, its metrics.

Input: an ASGI http scope. Output: an answer; for an unknown path one that lists the known ones.
"""

from collections.abc import Mapping
from typing import Any

from ..shared.protocol import dumps
from . import events, sessions
from .consumer import Receive
from .health import answer, health, metrics_page, readiness
from .paths import path_of
from .wire import Send


async def http(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """The HTTP application of the edge."""
    path = path_of(scope)
    if sessions.has_malformed_origin(scope):
        await answer(send, 400, dumps({"detail": "The header Origin is malformed."}))
        return
    if scope["method"] == "OPTIONS" and path == events.PATH:
        await events.preflight(scope, send)
        return
    if scope["method"] not in ("GET", "HEAD"):
        await answer(send, 405, dumps({"detail": "The edge is read-only: GET."}))
        return
    match path:
        case events.PATH if scope["method"] == "HEAD":
            await answer(send, 405, dumps({"detail": "A stream of events has no end and no HEAD: GET."}))
        case events.PATH:
            await events.event_stream(scope, receive, send)
        case "/healthz/":
            await health(send)
        case "/readyz/":
            await readiness(send)
        case "/metrics/":
            await metrics_page(send)
        case _:
            there = f"{events.PATH}, /healthz, /readyz and /metrics"
            await answer(send, 404, dumps({"detail": f"The edge answers its sockets, {there}."}))
