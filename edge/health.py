"""Whether this edge lives, whether it should be sent sockets, and what it has counted.

`/healthz`: the process answers. `/readyz`: it is not draining, and Redis and Postgres answer; a load balancer asks
this. `/metrics`: Prometheus.
"""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from edge import runtime
from edge.consumer import Receive
from edge.socket import Send
from shared.protocol import dumps


async def health(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """The HTTP application of the edge."""
    match scope["path"]:
        case "/healthz":
            await _answer(send, 200, dumps({"status": "ok"}))
        case "/readyz":
            await _answer(send, *await _ready())
        case "/metrics":
            await _answer(send, 200, generate_latest().decode(), CONTENT_TYPE_LATEST)
        case _:
            await _answer(send, 404, dumps({"detail": "The edge answers /healthz, /readyz, /metrics and its sockets."}))


async def _ready() -> tuple[int, str]:
    edge = runtime.edge()
    checks = {"draining": edge.draining, "redis": edge.layer.is_up, "postgres": await edge.reader.ready()}
    ready = checks["redis"] and checks["postgres"] and not checks["draining"]
    return (200 if ready else 503), dumps({"ready": ready, "sockets": len(edge.sockets), **checks})


async def _answer(send: Send, status: int, body: str, content_type: str = "application/json") -> None:
    headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
