"""The project's pages and its own WebSocket."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
pages = get_asgi_application()

from shelf.consumers import Readers  # noqa: E402 - after Django is set up

application = ProtocolTypeRouter(
    {"http": pages, "websocket": URLRouter([path("ws/readers/", Readers.as_asgi())])},
)
