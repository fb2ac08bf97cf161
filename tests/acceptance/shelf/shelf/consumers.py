"""The project's own WebSocket, over its own channel layer."""

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer


class Readers(AsyncJsonWebsocketConsumer):
    """Passes each message on to all readers."""

    groups = ("readers",)

    async def receive_json(self, content: Any, **_: Any) -> None:
        """Send it to the group."""
        await self.channel_layer.group_send("readers", {"type": "said", "content": content})

    async def said(self, message: dict[str, Any]) -> None:
        """Receive it from the group."""
        await self.send_json(message["content"])
