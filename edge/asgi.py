"""The application that Daphne runs: `daphne edge.asgi:application`.

Neither Celery nor the pipeline is imported here or below; a test boots this module in a process of its own and looks.
"""

import gc
import logging.config
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edge.settings")

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - the settings module must be named first
from django.urls import path  # noqa: E402

from edge import drain  # noqa: E402
from edge.consumer import notification_updates, unknown_path  # noqa: E402
from edge.health import health  # noqa: E402
from edge.settings import LOGGING  # noqa: E402

#: A collection walks every socket; fewer of them cut the longest pauses tenfold (objects; see docs/decisions).
GC_THRESHOLDS = (50_000, 50, 1_000)

logging.config.dictConfig(LOGGING)
gc.freeze()
gc.set_threshold(*GC_THRESHOLDS)
drain.install()

application = ProtocolTypeRouter(
    {
        "http": health,
        "websocket": URLRouter([path("ws/notification-updates/", notification_updates), path("<path:_>", unknown_path)]),
    }
)
