"""Drains the edge before its process ends, for example during a deploy.

SIGTERM or SIGINT to Daphne begins it. The listening sockets are closed first, so another process that listens on the
same address accepts all new connections. Then all connections are closed gradually (drain.py) and the process exits
with code 0. Without this, Daphne would exit without sending close frames.
"""

import asyncio
import logging
from typing import Any

from daphne.server import reactor
from twisted.internet.defer import Deferred
from twisted.internet.tcp import Port

from . import runtime
from .drain import close_gradually

logger = logging.getLogger(__name__)

#: After the last close frame, so that it is on its way before the process ends (seconds).
LAST_WORDS_SECONDS = 0.2


def install() -> None:
    """Make the reactor wait for the drain. Registered before Daphne's own trigger, which cancels the applications."""
    reactor.addSystemEventTrigger("before", "shutdown", _begin)


def _begin() -> Deferred[None] | None:
    if not runtime.is_running():
        return None
    edge = runtime.edge()
    edge.hub.draining = edge.hub.stopping = True
    _stop_accepting()
    return Deferred.fromFuture(asyncio.ensure_future(_drain(edge)))


def _stop_accepting() -> None:
    """Close the listening sockets. Open connections stay, and may request `/readyz`."""
    ports: list[Any] = [reader for reader in reactor.getReaders() if isinstance(reader, Port)]
    for port in ports:
        port.doRead()  # a connection in the backlog would be reset
        port.stopListening()


async def _drain(edge: runtime.Edge) -> None:
    logger.info("Draining", extra={"sockets": len(edge.hub)})
    told = await close_gradually(edge.hub, edge.settings.drain_seconds)
    await asyncio.sleep(LAST_WORDS_SECONDS)
    logger.info("Drained", extra={"sockets": told})
