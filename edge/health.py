"""Health, readiness and metrics of this edge.

`/healthz`: the process answers. `/readyz`: it is not draining and its settings fit Postgres, for a load balancer;
`redis` and `postgres` are reported and decide nothing, because every edge shares them: while they are away a socket is
served better by an edge than by a load balancer that has none left. `/metrics`: Prometheus.
"""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ..shared import metrics
from ..shared.protocol import AuthFailure, ResyncReason, dumps
from . import runtime
from .outgoing import Send

# Counted from zero on: of a series that begins with the first that it counted, Prometheus sees no increase, and a storm
# that is over before it looks again would raise no alert.
for _resync in ResyncReason:
    metrics.RESYNCS.labels(_resync.value)
for _refusal in AuthFailure:
    metrics.AUTH_FAILURES.labels(_refusal.value)
for _cause in ("gap", "quiet", "credit", "replay"):
    metrics.REPAIRS.labels(_cause)


async def health(send: Send) -> None:
    """Answer that the process answers."""
    await answer(send, 200, dumps({"status": "ok"}))


async def readiness(send: Send) -> None:
    """Answer whether new sockets should come here, and if not, why."""
    edge = runtime.edge()
    reader = edge.reader
    checks = {"draining": edge.hub.draining, "redis": edge.layer.is_up, "postgres": await reader.ready()}
    ready = reader.verified and not edge.hub.draining
    state = {"ready": ready, "sockets": len(edge.hub), **checks, "fault": reader.fault}
    await answer(send, 200 if ready else 503, dumps(state))


async def metrics_page(send: Send) -> None:
    """Answer every metric of this process."""
    await answer(send, 200, generate_latest().decode(), CONTENT_TYPE_LATEST)


async def answer(send: Send, status: int, body: str, content_type: str = "application/json") -> None:
    """One answer, whole."""
    headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
