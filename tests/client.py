"""A socket as a test holds it: the real `websockets` client, frames parsed, waits bounded."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets
from django.contrib.auth.models import User
from websockets.asyncio.client import ClientConnection

from clarion.shared.protocol import SUBPROTOCOL
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint

#: Longest wait for one frame (seconds).
PATIENCE_SECONDS = 60

INBOX = ("NOTIFICATION_CREATED", "NOTIFICATION_UPDATED", "NOTIFICATION_DELETED", "NOTIFICATIONS_READ")


class Client:
    """One open socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        """The next frame."""
        return self.parsed(await asyncio.wait_for(self.connection.recv(), PATIENCE_SECONDS))

    def parsed(self, text: str | bytes) -> dict[str, Any]:
        """A frame that came, noted."""
        frame: dict[str, Any] = json.loads(text)
        self.frames.append(frame)
        return frame

    async def changes(self, count: int) -> list[dict[str, Any]]:
        """The next `count` frames of the inbox, which must be the next frames at all."""
        frames = [await self.next() for _ in range(count)]
        assert {frame["type"] for frame in frames} <= set(INBOX), frames
        return frames

    async def all_changes(self, count: int) -> list[int]:
        """The seqs of the next `count` changes, acknowledged as clients do."""
        seqs: list[int] = []
        async with asyncio.timeout(2 * PATIENCE_SECONDS):
            while len(seqs) < count:
                try:
                    text = await asyncio.wait_for(self.connection.recv(), 0.3)
                except TimeoutError:
                    text = None
                if text is not None:
                    seqs.append(self.parsed(text)["seq"])
                if seqs and (text is None or len(seqs) % 20 == 0):
                    await self.say(type="ack", seq=seqs[-1])
        return seqs

    async def say(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def nothing_came(self) -> None:
        """Wait until all earlier frames of this socket have been read: the next frame answers a ping."""
        await self.say(type="ping")
        assert await self.next() == {"type": "pong"}

    async def closed(self) -> int | None:
        """The close code; the connection is closed by the server."""
        await asyncio.wait_for(self.connection.wait_closed(), PATIENCE_SECONDS)
        return self.connection.close_code


@asynccontextmanager
async def connected(
    url: str, user: User, *, since: int | None = None, epoch: str | None = None, **options: Any
) -> AsyncIterator[Client]:
    """A socket of `user` that has had its CONNECTED; that frame is `client.frames[0]`."""
    query = "&".join(f"{name}={value}" for name, value in (("since", since), ("epoch", epoch)) if value is not None)
    token, _ = await asyncio.to_thread(mint, user.pk, get_settings())
    async with opened(f"{url}?{query}", subprotocols=[SUBPROTOCOL, f"bearer.{token}"], **options) as client:
        assert (await client.next())["type"] == "CONNECTED"
        yield client


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Client]:
    """A socket as it is, before any frame."""
    async with websockets.connect(url, **options) as connection:
        yield Client(connection)
