"""A client that stays through deploys: it keeps its cursor, and comes back when the edge has said."""

import asyncio
import contextlib
from typing import Any

import websockets
from django.contrib.auth.models import User

from tests.client import INBOX, Client, connected

#: Wait of a client before it comes back where the edge has not said when (seconds).
RETRY_SECONDS = 0.2


class Follower:
    """A client that keeps its cursor and always comes back, as the browser's does."""

    def __init__(self, url: str, user: User, **options: Any) -> None:
        self.user = user
        self.seqs: list[int] = []
        self.resyncs = 0
        self.connects = 0
        self.epoch = "0"
        self._url = url
        self._options = options
        self._back_in = RETRY_SECONDS

    async def follow(self) -> None:
        """Connect, read, come back, for ever."""
        while True:
            with contextlib.suppress(websockets.ConnectionClosed, websockets.InvalidHandshake, OSError, TimeoutError):
                async with connected(
                    self._url, self.user, since=self.cursor, epoch=self.epoch, **self._options
                ) as client:
                    self.connects += 1
                    await self._read(client)
            await asyncio.sleep(self._back_in)
            self._back_in = RETRY_SECONDS

    @property
    def cursor(self) -> int:
        return self.seqs[-1] if self.seqs else 0

    async def _read(self, client: Client) -> None:
        async for text in client.connection:
            frame: dict[str, Any] = client.parsed(text)
            if frame["type"] in INBOX:
                self.seqs.append(frame["seq"])
                if frame["seq"] % 20 == 0:
                    await client.say(type="ack", seq=frame["seq"])
            elif frame["type"] == "RESYNC":
                self.resyncs += 1
            elif frame["type"] == "GOING_AWAY":
                self._back_in = frame["reconnect_after_seconds"]
