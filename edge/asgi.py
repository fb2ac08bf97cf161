"""The application that Daphne runs: `daphne edge.asgi:application`.

Neither Celery nor the pipeline is imported here or below; a test boots this module in a process of its own and looks.
"""

import gc
import logging.config
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edge.settings")

from channels.routing import ProtocolTypeRouter

from edge import drain, handshake, transport
from edge.consumer import websocket
from edge.http import http
from edge.settings import LOGGING

#: A collection walks every socket, and everyone waits for it: fewer of them, and none of what was there at the start
#: (objects allocated before a collection of each generation).
GC_THRESHOLDS = (50_000, 50, 1_000)

logging.config.dictConfig(LOGGING)
gc.freeze()
gc.set_threshold(*GC_THRESHOLDS)
drain.install()
handshake.install()
transport.install()

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": websocket,
    }
)
