"""The application that Daphne runs: `daphne clarion.edge.asgi:application`.

Neither Celery nor the pipeline is imported here or below; a test imports this module in its own process and checks.
"""

import gc
import logging.config
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clarion.edge.settings")

from channels.routing import ProtocolTypeRouter
from daphne.server import reactor

from ..shared.installation import wait_for_installation
from . import runtime, shutdown
from .daphne import handshake, websocket_protocol
from .http import http
from .settings import LOGGING
from .websocket import websocket

#: A collection walks the sockets and everyone waits for it, so there are few, and none walks the objects of the start
#: (gc.freeze). A closed connection leaves no reference cycle, so collections are for rare exceptions: after 50,000
#: allocations, and of the middle and the last generation after 10 of the one before.
GC_THRESHOLDS = (50_000, 10, 10)

logging.config.dictConfig(LOGGING)
wait_for_installation()
gc.freeze()
gc.set_threshold(*GC_THRESHOLDS)
shutdown.install()
handshake.install()
websocket_protocol.install()
# Operators see the edge from its start on, and not only from its first connection on.
reactor.callWhenRunning(reactor.callLater, 0, runtime.edge)

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": websocket,
    }
)
