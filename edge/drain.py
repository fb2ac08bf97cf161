"""A slow goodbye before a deploy.

Enters: the server's shutdown (SIGTERM or SIGINT to Daphne). Leaves: nobody new accepted, so that a process which shares
the address takes them all; every socket told GOING_AWAY, with reconnect times spread so that the next edge is not met
by all of them at once, and closed with 4012 over the drain period; then the server exits with zero. Left alone, Daphne
would exit without a close frame.
"""

import asyncio
import logging
from typing import Any

from daphne.server import reactor
from twisted.internet.defer import Deferred
from twisted.internet.tcp import Port

from . import runtime
from .goodbye import goodbye

logger = logging.getLogger(__name__)

#: After the last close frame, so that it is on its way before the process ends (seconds).
LAST_WORDS_SECONDS = 0.2


def install() -> None:
    """Have the reactor wait for the goodbye. Registered before Daphne's own trigger, which cancels the applications."""
    reactor.addSystemEventTrigger("before", "shutdown", _begin)


def _begin() -> Deferred[None]:
    edge = runtime.edge()
    edge.draining = edge.stopping = True
    _stop_accepting()
    return Deferred.fromFuture(asyncio.ensure_future(_goodbye(edge)))


def _stop_accepting() -> None:
    """Close the listening sockets. Who was connected stays, and may ask `/readyz`."""
    ports: list[Any] = [reader for reader in reactor.getReaders() if isinstance(reader, Port)]
    for port in ports:
        port.doRead()  # who waits in the backlog would be reset
        port.stopListening()


async def _goodbye(edge: runtime.Edge) -> None:
    logger.info("Draining", extra={"sockets": len(edge.sockets)})
    told = await goodbye(edge.sockets, edge.settings.drain_seconds)
    await asyncio.sleep(LAST_WORDS_SECONDS)
    logger.info("Drained", extra={"sockets": told})
