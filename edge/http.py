"""What the edge answers over HTTP: its event streams, its health, its metrics.

Enters: an ASGI http scope. Leaves: an answer; for anything else one that says what there is.
"""

from collections.abc import Mapping
from typing import Any

from edge import events
from edge.consumer import Receive
from edge.health import answer, health, metrics_page, readiness
from edge.wire import Send
from shared.protocol import dumps


async def http(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """The HTTP application of the edge."""
    if scope["method"] not in ("GET", "HEAD"):
        await answer(send, 405, dumps({"detail": "The edge is read-only: GET."}))
        return
    match scope["path"]:
        case events.PATH if scope["method"] == "HEAD":
            await answer(send, 405, dumps({"detail": "A stream of events has no end and no HEAD: GET."}))
        case events.PATH:
            await events.event_stream(scope, receive, send)
        case "/healthz":
            await health(send)
        case "/readyz":
            await readiness(send)
        case "/metrics":
            await metrics_page(send)
        case _:
            there = f"{events.PATH}, /healthz, /readyz and /metrics"
            await answer(send, 404, dumps({"detail": f"The edge answers its sockets, {there}."}))
