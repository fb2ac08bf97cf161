"""Sockets that keep their cursors: the real Python client, with its frames and its state.

Input: the address behind the load balancer, a user, the epoch. Output: for each connection all frames that move a
cursor, as they came (`heard`), and the inbox as a user would see it (`shown`), built only from those frames and, after
a RESYNC, a snapshot over HTTP.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, replace
from typing import Any

import httpx

from clarion.client import Change, Cursor, Frame, InboxClient, Resync
from clarion.shared.settings import get_settings as settings
from clarion.shared.tokens import mint
from tests.client import INBOX
from tests.faults.checker import Client, Heard, Note

#: Ceilings of the waits before a client comes back: short, so that the server is measured.
BACKOFF_SECONDS = (0.2, 0.5, 1.0)
#: The most that one snapshot holds; a trial's inboxes are smaller.
SNAPSHOT_LIMIT = 200
#: Wait before a snapshot that could not be had is asked for again (seconds).
SNAPSHOT_RETRY_SECONDS = 0.3
#: Longest wait for the answer to a ping (seconds).
PONG_PATIENCE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """A notification in a list: its place, its kind, whether it is read, and its count."""

    place: int
    kind: str
    topic: str | None
    note: Note


class Follower:
    """One user's client, for the length of a trial."""

    def __init__(self, url: str, web: str, user: int, epoch: str) -> None:
        self.user = user
        self.heard: list[Heard] = []
        self.last_message_at: dict[str, float] = {}  # by key: when it came first (seconds, monotonic)
        self.resyncs = 0
        self.unread = 0
        self.seq = 0
        self._web = web
        self._shown: dict[str, Shown] = {}
        self._ponged = asyncio.Event()
        self._inbox = InboxClient(url, self._token, cursor=Cursor(epoch, 0), backoff=BACKOFF_SECONDS, heard=self._hear)
        self._connection = 0

    async def run(self) -> None:
        """Follow, for ever; raises AccessEnded."""
        async for item in self._inbox:
            if isinstance(item, Resync):
                self.resyncs += 1
                await self._read_snapshot()
            elif item.seq > self.seq:
                self._apply(item)

    async def ping(self) -> float:
        """Say ping; after how many seconds the edge said pong."""
        begun = time.monotonic()
        self._ponged.clear()
        await self._inbox.send({"type": "ping"})
        async with asyncio.timeout(PONG_PATIENCE_SECONDS):
            await self._ponged.wait()
        return time.monotonic() - begun

    @property
    def connects(self) -> int:
        """How often it connected."""
        return self._inbox.connects

    @property
    def names(self) -> list[str]:
        """The notifications it has."""
        return list(self._shown)

    def told(self) -> Client:
        """What the checker asks."""
        shown = {name: one.note for name, one in self._shown.items()}
        return Client(self.user, tuple(self.heard), self.seq, self.unread, shown, self.resyncs)

    async def _token(self) -> str | None:
        return mint(self.user, settings())[0]

    def _hear(self, frame: Frame) -> None:
        kind, seq = frame.get("type"), frame.get("seq", 0)
        if kind == "CONNECTED":
            self._connection += 1
            cursor = self._inbox.cursor
            begins = cursor.seq if frame["resumed"] and cursor is not None else seq
            self.heard.append(Heard(self._connection, "start", begins, user=int(frame["user_id"])))
        elif kind == "pong":
            self._ponged.set()
        elif kind == "RESYNC":
            self.heard.append(Heard(self._connection, "start", seq))
        elif kind in INBOX:
            key = (frame.get("data") or {}).get("key")
            self.heard.append(Heard(self._connection, "change", seq, key))
            if key is not None:
                self.last_message_at.setdefault(key, time.monotonic())

    def _apply(self, change: Change) -> None:
        frame = change.frame
        name = frame.get("notificationId", "")
        match frame["type"]:
            case "NOTIFICATION_CREATED" | "NOTIFICATION_UPDATED" if "notificationType" in frame:
                self._show(frame)
            case "NOTIFICATION_UPDATED":
                if name in self._shown:
                    before = self._shown[name]
                    self._shown[name] = replace(before, note=Note(frame["isRead"], before.note.count))
            case "NOTIFICATION_DELETED":
                self._shown.pop(name, None)
            case "NOTIFICATIONS_READ":
                self._read_through(frame)
        self.seq, self.unread = change.seq, change.unread

    def _show(self, frame: dict[str, Any]) -> None:
        note = Note(frame["isRead"], frame["count"])
        shown = Shown(frame["seq"], frame["notificationType"], frame["topic"], note)
        self._shown[frame["notificationId"]] = shown

    def _read_through(self, frame: Frame) -> None:
        for name, one in self._shown.items():
            if (
                one.place <= frame["through"]
                and frame["topic"] in (None, one.topic)
                and frame["notificationType"] in (None, one.kind)
            ):
                self._shown[name] = replace(one, note=Note(True, one.note.count))

    async def _read_snapshot(self) -> None:
        """As a browser does after RESYNC, as often as it takes."""
        while True:
            token = await self._token()
            with contextlib.suppress(httpx.HTTPError):
                async with httpx.AsyncClient(base_url=self._web, timeout=5) as client:
                    answer = await client.get(
                        "/api/inbox", params={"limit": SNAPSHOT_LIMIT}, headers={"Authorization": f"Bearer {token}"}
                    )
                    snapshot = answer.raise_for_status().json()
                    self._shown = {}
                    for one in snapshot["notifications"]:
                        self._show(one)
                    self.seq, self.unread = snapshot["seq"], snapshot["unread"]
                    return
            await asyncio.sleep(SNAPSHOT_RETRY_SECONDS)
