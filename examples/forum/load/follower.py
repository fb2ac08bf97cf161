"""One user of a load: the real Python client on the real edge, whose frames the tally judges.

Input: the user, the addresses of edge and web. Output: in the tally, every change as it came over the socket, and after
a RESYNC the snapshot, as a browser reads it.
"""

import asyncio
import contextlib
from dataclasses import dataclass

import httpx
from websockets.exceptions import ConnectionClosed

from clarion import get_settings
from clarion.client import Frame, InboxClient, Resync
from clarion.shared.tokens import mint
from examples.forum.load.tally import Tally

#: Ceilings of the waits before the client reconnects (seconds): short, so that the page shows the stack's own pauses.
_BACKOFF_SECONDS = (0.5, 1.0, 2.0)

#: Notifications of a snapshot: an outage of some seconds holds back a tenth of it.
_SNAPSHOT_LIMIT = 200

#: Wait before a snapshot that failed is tried again, and longest wait for an answer (seconds).
_SNAPSHOT_RETRY_SECONDS = 0.5
_ANSWER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the edge takes sockets, and the web answers."""

    edge: str
    web: str


class Follower:
    """One user's client, for the length of a load."""

    def __init__(self, user: int, addresses: Addresses, tally: Tally) -> None:
        self._user = user
        self._web = addresses.web
        self._tally = tally
        self._ponged = asyncio.Event()
        self._client = InboxClient(addresses.edge, self._token, backoff=_BACKOFF_SECONDS, heard=self._hear)

    async def run(self) -> None:
        """Follow the inbox, for ever; raises AccessEnded."""
        is_first = True
        async for item in self._client:
            if isinstance(item, Resync) and not is_first:
                await self._read_snapshot()
            is_first = False

    async def connected(self) -> None:
        """Wait for the first connection."""
        await self._client.connected.wait()

    async def settled(self) -> None:
        """Wait until all frames that the edge has sent are counted, if the client is connected."""
        self._ponged.clear()
        with contextlib.suppress(ConnectionClosed, ConnectionError, TimeoutError):
            await self._client.send({"type": "ping"})
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._ponged.wait()

    async def _token(self) -> str:
        return mint(self._user, get_settings())[0]

    def _hear(self, frame: Frame) -> None:
        match frame:
            case {"type": "CONNECTED", "seq": seq}:
                cursor = self._client.cursor
                self._tally.start(self._user, cursor.seq if frame.get("resumed") and cursor else seq)
            case {"type": "RESYNC", "seq": seq}:
                self._tally.start(self._user, seq)
            case {"type": "pong"}:
                self._ponged.set()
            case {"seq": int(seq), "unread": int()}:
                self._tally.change(self._user, seq, (frame.get("data") or {}).get("key"))

    async def _read_snapshot(self) -> None:
        async with httpx.AsyncClient(base_url=self._web, timeout=_ANSWER_SECONDS, trust_env=False) as client:
            while True:
                headers = {"Authorization": f"Bearer {await self._token()}"}
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.get("/api/inbox", params={"limit": _SNAPSHOT_LIMIT}, headers=headers)
                    shown = answer.raise_for_status().json()["notifications"]
                    self._tally.show(self._user, [one["data"]["key"] for one in shown if "key" in one["data"]])
                    return
                await asyncio.sleep(_SNAPSHOT_RETRY_SECONDS)
