"""The sockets of a burst: real clients of the real edge, that keep account of what they are sent.

Enters: the edge's address and the users to connect. Leaves: for each socket when its notification came, and whether
anything came twice or out of order. Each client acknowledges what it has and judges by seq alone: it expects the one
after the last.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from shared.protocol import SUBPROTOCOL
from shared.settings import load
from shared.tokens import mint

#: Sockets that connect at the same time: enough to be quick, few enough not to measure the connecting.
CONNECT_AT_ONCE = 50

#: Frames after which a client says that it has them, so that it is given further credit.
ACKNOWLEDGE_EVERY = 20

#: Longest wait for the answer to a ping (seconds).
PONG_SECONDS = 30


@dataclass(slots=True)
class Listener:
    """One socket, and what it was sent since it connected."""

    connection: ClientConnection
    last: int
    acknowledged: int = 0
    came_at: dict[str, float] = field(default_factory=dict)  # message id: time.perf_counter()
    repeated: int = 0
    out_of_order: int = 0
    ponged: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, frame: dict[str, Any]) -> None:
        """Judge one frame."""
        if frame["type"] == "pong":
            self.ponged.set()
        if frame["type"] == "RESYNC":
            self.out_of_order += 1
        if "seq" not in frame:
            return
        if frame["seq"] <= self.last:
            self.repeated += 1
        elif frame["seq"] != self.last + 1:
            self.out_of_order += 1
        self.last = max(self.last, frame["seq"])
        # Created, or collapsed into what the user has not read of that thread.
        if frame.get("messageId"):
            self.came_at.setdefault(frame["messageId"], time.perf_counter())

    async def listen(self) -> None:
        """Read until the socket is closed."""
        async for text in self.connection:
            self.note(json.loads(text))
            if self.last - self.acknowledged >= ACKNOWLEDGE_EVERY:
                self.acknowledged = self.last
                await self.connection.send(json.dumps({"type": "ack", "seq": self.last}))


class Listeners:
    """All sockets of a burst."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stack = AsyncExitStack()
        self._reading: list[asyncio.Task[None]] = []
        self.all: list[Listener] = []

    async def connect(self, user_ids: Sequence[int], progress: Callable[[], None]) -> None:
        """Connect these users, some at a time."""
        gate = asyncio.Semaphore(CONNECT_AT_ONCE)

        async def one(user_id: int) -> None:
            async with gate:
                token, _ = mint(user_id, load())
                socket = websockets.connect(
                    self._url,
                    subprotocols=[websockets.Subprotocol(SUBPROTOCOL), websockets.Subprotocol(f"bearer.{token}")],
                    compression=None,
                    ping_interval=None,
                )
                connection = await self._stack.enter_async_context(socket)
                said = json.loads(await connection.recv())
                if said["type"] != "CONNECTED":
                    raise RuntimeError(f"the edge refused user {user_id}: {said}")
                listener = Listener(connection, said["seq"], said["seq"])
                self.all.append(listener)
                self._reading.append(asyncio.create_task(listener.listen()))
                progress()

        async with asyncio.TaskGroup() as group:
            for user_id in user_ids:
                group.create_task(one(user_id))

    def times(self, message_id: str) -> list[float]:
        """When the notification of that message came, of those to whom it came."""
        return sorted(listener.came_at[message_id] for listener in self.all if message_id in listener.came_at)

    async def settled(self) -> None:
        """Whatever was sent before now has been read: the edge has answered a ping of each."""
        for listener in self.all:
            listener.ponged.clear()
            await listener.connection.send('{"type":"ping"}')
        async with asyncio.timeout(PONG_SECONDS):
            for listener in self.all:
                await listener.ponged.wait()

    async def close(self) -> None:
        """Close all sockets."""
        await self._stack.aclose()
        await asyncio.gather(*self._reading, return_exceptions=True)
