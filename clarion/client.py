"""A user's inbox from Python, for scripts and services.

Input: the edge's address, and a function that gets a token. Output: the changes of one inbox, each once and in order,
also if the connection is lost in between: the client reconnects by itself and resumes from its cursor. It needs the
library `websockets` (`pip install clarion[client]`).

    async with InboxClient("ws://127.0.0.1:8001/ws/notification-updates/", get_token) as inbox:
        async for item in inbox:
            match item:
                case Change(seq=seq, frame=frame): ...
                case Resync(): ...  # read the snapshot by HTTP, and go on from its seq
"""

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from .shared.protocol import BEARER_PREFIX, SUBPROTOCOL, Close

logger = logging.getLogger(__name__)

#: Ceilings of the wait before each further attempt; the wait is anything below (full jitter), so that a crowd spreads.
BACKOFF_SECONDS = (2.0, 4.0, 8.0, 16.0)
#: Factor of the waits after a refusal for too many connections, and without a token.
PATIENCE = 4
#: Longest wait for a connection and its first frame, and for any frame after a heartbeat (seconds).
CONNECT_TIMEOUT_SECONDS = 15.0
STALE_SECONDS = 10.0
#: The protocol allows one acknowledgement a second.
ACK_EVERY_SECONDS = 1.0
#: Fresh tokens that are refused in a row before giving up.
REFUSALS_MAX = 3
#: The largest frame that is taken (bytes).
FRAME_MAX_BYTES = 4 * 2**20

Frame = dict[str, Any]


class AccessEnded(Exception):
    """A connection is not possible any more: access was revoked, or fresh tokens are refused."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position of a client in the inbox."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the inbox, with its frame."""

    seq: int
    unread: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class Resync:
    """The changes in between are missing: read the snapshot (`GET /api/inbox`); it is at least as new as this.

    `unseen` is None if the edge did not send it.
    """

    epoch: str
    seq: int
    unread: int
    reason: str
    unseen: int | None = None


class InboxClient:
    """One connection at a time to one user's inbox; iterate it once.

    `get_token` returns a fresh token, or None without one: then it is called again, at growing intervals. `cursor` is
    the position to resume from, of a snapshot or of an earlier client. `heard` is called with each frame before it is
    processed. Iterating raises AccessEnded.
    """

    def __init__(
        self,
        url: str,
        get_token: Callable[[], Awaitable[str | None]],
        *,
        cursor: Cursor | None = None,
        backoff: Sequence[float] = BACKOFF_SECONDS,
        heard: Callable[[Frame], None] | None = None,
    ) -> None:
        self.cursor = cursor
        self.connected = asyncio.Event()
        self.connects = 0
        self._url = url
        self._get_token = get_token
        self._backoff = backoff
        self._heard = heard
        self._connection: ClientConnection | None = None
        self._failures = 0
        self._refusals = 0
        self._slower = 1
        self._asked_to_wait: float | None = None
        self._acknowledged = 0
        self._refreshing: asyncio.Task[None] | None = None
        self._items = self._listen()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Change | Resync]:
        return self._items

    async def close(self) -> None:
        """Disconnect for good; the cursor is kept."""
        if self._connection is not None:
            await self._connection.close()
        with contextlib.suppress(RuntimeError):  # an iteration that still waits for the next item ends with the socket
            await self._items.aclose()

    async def send(self, message: Frame) -> None:
        """Send a message to the edge; raises ConnectionClosed or ConnectionError."""
        if self._connection is None:
            raise ConnectionError("the client is not connected")
        await self._connection.send(json.dumps(message))

    async def _listen(self) -> AsyncGenerator[Change | Resync, None]:
        while True:
            token = await self._get_token()
            if token is None:
                await self._pause(PATIENCE)
                continue
            self._slower = 1
            try:
                async for item in self._once(token):
                    yield item
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as error:
                logger.info("The connection to the edge was lost", extra={"error": repr(error)})
            finally:
                self.connected.clear()
            await self._pause(self._slower)

    async def _once(self, token: str) -> AsyncGenerator[Change | Resync, None]:
        """Connect, and yield the changes until the connection ends."""
        self._asked_to_wait = None
        protocols = [Subprotocol(SUBPROTOCOL), Subprotocol(BEARER_PREFIX + token)]
        async with contextlib.AsyncExitStack() as stack:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                opening = connect(
                    self._address(), subprotocols=protocols, compression=None, ping_interval=None,
                    max_size=FRAME_MAX_BYTES,
                )  # fmt: skip
                connection = self._connection = await stack.enter_async_context(opening)
                text = await self._said(connection)
            beat = float(text.get("heartbeat_seconds") or STALE_SECONDS)
            keeper = asyncio.create_task(self._keep(connection, beat))
            stack.callback(keeper.cancel)
            while True:
                for item in self._judged(text):
                    yield item
                async with asyncio.timeout(beat + STALE_SECONDS):
                    text = await self._said(connection)

    async def _said(self, connection: ClientConnection) -> Frame:
        try:
            frame = json.loads(await connection.recv())
        except ConnectionClosed as closed:
            self._closed(closed.rcvd.code if closed.rcvd else None)
            raise
        if self._heard is not None:
            self._heard(frame)
        return frame if isinstance(frame, dict) else {}

    def _judged(self, frame: Frame) -> list[Change | Resync]:
        """Return the change in a frame, if any."""
        match frame:
            case {"type": "CONNECTED", "epoch": epoch, "seq": seq, "unread": unread}:
                self._failures = self._refusals = 0
                self.connects += 1
                self.connected.set()
                if frame.get("resumed") and self.cursor is not None:
                    return []
                return self._resynced(Resync(epoch, seq, unread, "NOT_RESUMED", frame.get("unseen")))
            case {"type": "RESYNC", "epoch": epoch, "seq": seq, "unread": unread, "reason": reason}:
                return self._resynced(Resync(epoch, seq, unread, reason, frame.get("unseen")))
            case {"type": "GOING_AWAY", "reconnect_after_seconds": seconds}:
                self._asked_to_wait = float(seconds)
            case {"type": "RATE_LIMITED", "retry_after_seconds": seconds}:
                self._asked_to_wait = float(seconds)
            case {"type": "AUTH_REFRESH_REQUIRED"}:
                self._refreshing = asyncio.create_task(self._refresh())
            case {"seq": int(seq), "unread": int(unread)} if self.cursor is not None:
                if seq == self.cursor.seq + 1:
                    self.cursor = Cursor(self.cursor.epoch, seq)
                    return [Change(seq, unread, frame)]
                if seq > self.cursor.seq:  # the edge does not let this happen
                    return self._resynced(Resync(self.cursor.epoch, seq, unread, "GAP"))
        return []

    def _resynced(self, resync: Resync) -> list[Change | Resync]:
        self.cursor = Cursor(resync.epoch, resync.seq)
        return [resync]

    async def _keep(self, connection: ClientConnection, beat: float) -> None:
        """Acknowledge received frames, and send heartbeats."""
        loop = asyncio.get_running_loop()
        next_beat = loop.time() + beat
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(ACK_EVERY_SECONDS)
                if self.cursor is not None and self.cursor.seq != self._acknowledged:
                    self._acknowledged = self.cursor.seq
                    await connection.send(json.dumps({"type": "ack", "seq": self._acknowledged}))
                if loop.time() >= next_beat:
                    next_beat = loop.time() + beat
                    await connection.send('{"type":"heartbeat"}')

    async def _refresh(self) -> None:
        """Send a new token on the open connection; without one the edge closes it, and the next connect gets one."""
        token = await self._get_token()
        if token is not None:
            with contextlib.suppress(ConnectionClosed, ConnectionError):
                await self.send({"type": "AUTH", "token": token})

    def _closed(self, code: int | None) -> None:
        if code == Close.REVOKED:
            raise AccessEnded("access was revoked: the user was deactivated, or has logged out everywhere")
        if code in (Close.NO_TOKEN, Close.BAD_TOKEN):
            self._refusals += 1
            if self._refusals >= REFUSALS_MAX:
                raise AccessEnded(f"{REFUSALS_MAX} fresh tokens in a row were refused")
        self._slower = PATIENCE if code == Close.TOO_MANY else 1

    async def _pause(self, slower: int) -> None:
        ceiling = self._backoff[min(self._failures, len(self._backoff) - 1)] * slower
        self._failures += 1
        asked, self._asked_to_wait = self._asked_to_wait, None
        await asyncio.sleep(random.uniform(0, ceiling) if asked is None else asked)  # noqa: S311 - jitter

    def _address(self) -> str:
        if self.cursor is None:
            return self._url
        return f"{self._url}{'&' if '?' in self._url else '?'}since={self.cursor.seq}&epoch={self.cursor.epoch}"
