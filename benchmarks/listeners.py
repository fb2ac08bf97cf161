"""The sockets of a burst: real clients of the real edge, which check every frame.

Input: the edge's address and the users to connect. Output: for each socket the time of its notification, and whether a
frame came twice or out of order: each expects the seq after the last.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from clarion.client import InboxClient
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint

#: Sockets that connect at the same time: enough to be quick, few enough not to measure the connecting.
CONNECT_AT_ONCE = 50

#: Longest wait for the answer to a ping (seconds).
PONG_SECONDS = 30


@dataclass(slots=True)
class Listener:
    """One client, and the frames since it connected. It checks every frame independently of the client's own check."""

    user_id: int
    last: int | None = None
    came_at: dict[str, float] = field(default_factory=dict)  # message id: time.perf_counter()
    repeated: int = 0
    out_of_order: int = 0
    ponged: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, frame: dict[str, Any]) -> None:
        """Judge one frame."""
        if frame["type"] == "CONNECTED":
            self.last = self.last or frame["seq"]
        elif frame["type"] == "pong":
            self.ponged.set()
        elif frame["type"] == "RESYNC":
            self.out_of_order += 1
        elif "seq" in frame and self.last is not None:
            if frame["seq"] <= self.last:
                self.repeated += 1
            elif frame["seq"] != self.last + 1:
                self.out_of_order += 1
            self.last = max(self.last, frame["seq"])
            # Created, or collapsed into what the user has not read of that thread.
            if frame.get("messageId"):
                self.came_at.setdefault(frame["messageId"], time.perf_counter())

    async def token(self) -> str:
        """Return a token for its user."""
        return mint(self.user_id, get_settings())[0]


class Listeners:
    """All sockets of a burst."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: dict[int, InboxClient] = {}
        self._reading: list[asyncio.Task[None]] = []
        self.all: list[Listener] = []

    async def connect(self, user_ids: Sequence[int], progress: Callable[[], None]) -> None:
        """Connect these users, some at a time."""
        gate = asyncio.Semaphore(CONNECT_AT_ONCE)

        async def one(user_id: int) -> None:
            async with gate:
                listener = Listener(user_id)
                client = InboxClient(self._url, listener.token, heard=listener.note)
                reading = asyncio.create_task(_read(client))
                self._reading.append(reading)
                connected = asyncio.create_task(client.connected.wait())
                await asyncio.wait((reading, connected), return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    reading.result()
                self._clients[user_id] = client
                self.all.append(listener)
                progress()

        async with asyncio.TaskGroup() as group:
            for user_id in user_ids:
                group.create_task(one(user_id))

    def times(self, message_id: str) -> list[float]:
        """When the notification of that message came, of those to whom it came."""
        return sorted(listener.came_at[message_id] for listener in self.all if message_id in listener.came_at)

    async def settled(self) -> None:
        """Wait until all earlier frames have been read: the edge has answered a ping of each."""
        for listener in self.all:
            listener.ponged.clear()
            await self._clients[listener.user_id].send({"type": "ping"})
        async with asyncio.timeout(PONG_SECONDS):
            for listener in self.all:
                await listener.ponged.wait()

    async def close(self) -> None:
        """Close all sockets."""
        for reading in self._reading:
            reading.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)


async def _read(client: InboxClient) -> None:
    async with client:
        async for _ in client:
            pass
