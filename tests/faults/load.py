"""A load that records events and acts on inboxes all the time, and keeps a history of the outcomes.

Input: the address of the web process, the users. Output: events to few and to many, of kinds that collapse and of
kinds that do not, and reads and deletions of notifications; and an append-only history: `emitted`. A 202 is ok, a
refused connection has failed, any other answer is unknown.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from clarion.shared.settings import get_settings as settings
from clarion.shared.tokens import mint
from tests.faults.checker import Emitted, Outcome
from tests.faults.stack import SERVICE_TOKEN

#: Events and actions a second.
RATE = 25
#: Concurrent requests; while all wait, no more are sent, as by browsers of people who wait.
AT_ONCE = 6
#: Time-out of a request: a user has given up by then (seconds).
REQUEST_TIMEOUT_SECONDS = 8

#: One that collapses, and one that does not.
KINDS = ("FAULT_TOLD", "FAULT_TOLD", "FAULT_TOLD", "THREAD_REPLY")


class Load:
    """The load of one trial; `names_of` says which notifications a user has."""

    def __init__(
        self, url: str, users: Sequence[int], prefix: str, dice: random.Random, names_of: Callable[[int], Sequence[str]]
    ) -> None:
        self.emitted: list[Emitted] = []
        self.posted: dict[str, float] = {}  # by key: when it was begun (seconds, monotonic)
        self.acted: list[tuple[float, float]] = []  # actions of users: when they began, and how long they took
        self._users = users
        self._prefix = prefix
        self._dice = dice
        self._names_of = names_of
        self._url = url
        self._tokens = {user: mint(user, settings())[0] for user in users}
        self._waiting: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def recorded(self) -> int:
        """How many events were answered."""
        return sum(one.outcome == "ok" for one in self.emitted)

    @property
    def slowest(self) -> float:
        """The longest wait for such an answer (seconds)."""
        return max((one.seconds for one in self.emitted if one.outcome == "ok"), default=0.0)

    async def run(self) -> None:
        """Until `stop`; returns when every request is answered or given up."""
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(base_url=self._url, timeout=REQUEST_TIMEOUT_SECONDS, limits=limits) as client:
            number = 0
            while not self._stopping:
                if len(self._waiting) < AT_ONCE:
                    number += 1
                    task = asyncio.create_task(self._one(client, number))
                    self._waiting.add(task)
                    task.add_done_callback(self._waiting.discard)
                await asyncio.sleep(1 / RATE)
            await asyncio.gather(*self._waiting)

    def stop(self) -> None:
        """Send nothing more."""
        self._stopping = True

    async def _one(self, client: httpx.AsyncClient, number: int) -> None:
        if self._dice.random() < 0.15:
            await self._act(client)
        else:
            await self._emit(client, f"{self._prefix}:{number}")

    async def _emit(self, client: httpx.AsyncClient, key: str) -> None:
        many = self._dice.random() < 0.12
        recipients = self._dice.sample(self._users, len(self._users) * 2 // 3 if many else self._dice.randint(1, 4))
        kind = self._dice.choice(KINDS)
        payload = {"kind": kind, "data": {"key": key}, "recipients": recipients, "topic": f"{self._prefix}:{kind}"}
        event = {"name": "clarion.notice.given.v1", "payload": payload, "key": key, "source": f"{key[-1]}"}
        begun = self.posted[key] = time.monotonic()
        outcome: Outcome = "unknown"
        try:
            answer = await client.post("/api/events", json=event, headers={"Authorization": f"Bearer {SERVICE_TOKEN}"})
            if answer.status_code == 202:
                outcome = "ok"
        except httpx.ConnectError:
            outcome = "failed"
        except httpx.TransportError:
            pass
        self.emitted.append(Emitted(key, frozenset(recipients), outcome, time.monotonic() - begun))

    async def _act(self, client: httpx.AsyncClient) -> None:
        """A user reads, unreads or deletes something, or reads all; whether it happened, their log says."""
        user = self._dice.choice(self._users)
        names = self._names_of(user)
        if not names:
            return
        name = self._dice.choice(names)
        ways: list[tuple[str, str, dict[str, Any] | None]] = [
            ("POST", f"/api/notifications/{name}/read", None),
            ("POST", f"/api/notifications/{name}/unread", None),
            ("DELETE", f"/api/notifications/{name}", None),
            ("POST", "/api/notifications/read", {"through": int(name)}),
        ]
        method, path, body = self._dice.choice(ways)
        headers = {"Authorization": f"Bearer {self._tokens[user]}"}
        begun = time.monotonic()
        with contextlib.suppress(httpx.TransportError):
            await client.request(method, path, json=body, headers=headers)
        self.acted.append((begun, time.monotonic() - begun))
