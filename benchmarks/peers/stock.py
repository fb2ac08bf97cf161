"""The stock way: Channels' own pub/sub layer on Redis, and a JSON consumer for each socket.

`DJANGO_SETTINGS_MODULE=benchmarks.peers.stock_settings daphne benchmarks.peers.stock:application`. The user is named
in the query and believed: authentication is not part of the comparison.
"""

from typing import Any
from urllib.parse import parse_qs

import django
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from channels.security.websocket import AllowedHostsOriginValidator

from benchmarks.peers import bare

django.setup()


class NotificationConsumer(AsyncJsonWebsocketConsumer):
    """One socket of one user, in the user's group."""

    async def connect(self) -> None:
        """Join the user's group and accept."""
        self.group = f"user_{parse_qs(self.scope['query_string'].decode())['user'][0]}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def notify(self, message: dict[str, Any]) -> None:
        """Forward one message."""
        await self.send_json(message["content"])


application = ProtocolTypeRouter(
    {"http": bare.application, "websocket": AllowedHostsOriginValidator(NotificationConsumer.as_asgi())}
)
