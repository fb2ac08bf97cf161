"""One fault, from a quiet start to a checked end.

Input: the stack, whole. `Trial` begins load and followers; the test breaks a part and repairs it. At the end of its
block the load continues for a moment and stops, the system has its stated time to come to rest, and the histories are
compared with the database. Output: a `Result`, and an assertion for each violation.
"""

import asyncio
import concurrent.futures
import itertools
import math
import random
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Self

import httpx
import psutil
import redis

from tests.faults import evidence
from tests.faults.background import Background
from tests.faults.checker import Emitted, Verdict, check
from tests.faults.followers import Follower
from tests.faults.load import Load
from tests.faults.report import Result
from tests.faults.stack import SERVICE_TOKEN, Stack
from tests.processes import wait_until

#: People of one trial, each with a socket.
PEOPLE = 24
#: Events that are recorded before something is broken, and after it was mended.
BEFORE, AFTER = 25, 15
#: Longest that recording an event may take while Postgres is there (seconds): the broker may be waited for once to
#: connect and once to answer, and the rest is a machine with other things to do.
EMIT_BOUND_SECONDS = 4.0
#: What any process may grow by in one trial (bytes), and how many hints may lie on the broker.
GROWTH_MAX = 128 << 20
HINTS_MAX = 3000
#: Age at which a process has loaded its code (seconds).
LOADED_SECONDS = 6
#: Between two looks at memory and queues (seconds).
SAMPLE_EVERY_SECONDS = 0.5

#: Recipients of an event that is delivered inline (CLARION_DELIVER_AT_ONCE has room for twice as many).
FEW = 4
#: Longest wait for something that a fault does, unless the test names another (seconds).
PATIENCE_SECONDS = 60
#: Longest wait of a request that the test itself makes (seconds).
REQUEST_SECONDS = 30

#: Length of the part of each process's log that is shown after a failure (characters).
LOG_SHOWN = 3000

_number = itertools.count(1)


class Trial:
    """One fault: `may_notice` are its effects on users, `within` the seconds after which all of them have ended.

    `emit_bound` is the longest that recording may take meanwhile; None if the web app's own connection to Postgres is
    broken. `resyncs`: whether clients may get a RESYNC.
    """

    def __init__(
        self,
        stack: Stack,
        background: Background,
        fault: str,
        may_notice: str,
        *,
        within: float,
        emit_bound: float | None = EMIT_BOUND_SECONDS,
        resyncs: bool = False,
        seed: int = 0,
    ) -> None:
        self.stack = stack
        self.fault = fault
        self.may_notice = may_notice
        self.within = within
        self.emit_bound = emit_bound
        self.resyncs = resyncs
        self.forgiven: frozenset[str] = frozenset()
        self.prefix = f"trial-{next(_number)}"
        self.dice = random.Random(seed)
        self.result: Result | None = None
        self._background = background
        self._tasks: list[concurrent.futures.Future[Any]] = []
        self._mended_at: tuple[float, datetime] | None = None
        self._rss: dict[str, tuple[int, int]] = {}  # by process: the first and the most that was seen
        self._hints = 0

    def __enter__(self) -> Self:
        with self.stack.database() as database:
            self.users = evidence.people(database, f"{self.prefix}-person-", PEOPLE)
            epoch = evidence.epoch(database)
        self.followers = [Follower(self.stack.socket_url, self.stack.web_url, user, epoch) for user in self.users]
        self._by_user = {follower.user: follower for follower in self.followers}
        self._tasks = [self._background.begin(follower.run()) for follower in self.followers]
        self._tasks.append(self._background.begin(self._sample()))
        try:
            wait_until(lambda: all(one.connects for one in self.followers), "not everyone connected", 60)
            self.load = Load(
                self.stack.web_url, self.users, self.prefix, self.dice, lambda user: self._by_user[user].names
            )
            self._loading = self._background.begin(self.load.run())
            self._tasks.append(self._loading)
            self.some_more(BEFORE)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._conclude()
        except BaseException:
            for process in self.stack.processes.values():
                print(f"--- the end of what {process.name} said:\n{process.said()[-LOG_SHOWN:]}")
            raise
        finally:
            self._end()

    def some_more(self, events: int = AFTER) -> None:
        """Wait until so many more events were recorded."""
        target = self.load.recorded + events
        wait_until(lambda: self.load.recorded >= target, "nothing is recorded", 60)

    def passes(self, seconds: float) -> None:
        """Let a fault last, because the test is about its length."""
        time.sleep(seconds)

    def until(
        self, condition: Callable[[], object], why_not: str | Callable[[], str], seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Wait for something that the fault does."""
        wait_until(condition, why_not, seconds)

    def ping(self) -> float:
        """Have one of the followers send a ping; return how long the pong took (seconds)."""
        return self._background.call(self.dice.choice(self.followers).ping())

    def until_told(self) -> None:
        """Wait until all earlier events have reached their recipients, while the fault lasts."""
        with self.stack.database() as database:
            instant = evidence.now(database)
        self._recovered(instant, time.monotonic())

    def post(self, key: str, recipients: Sequence[int], **payload: Any) -> None:
        """Record one more event, with the key of the trial before its own; only the trial's people are checked."""
        key = f"{self.prefix}:{key}"
        data = {"key": key, **payload.pop("data", {})}
        payload = {"kind": "FAULT_TOLD", "recipients": list(recipients), "data": data, **payload}
        event = {"name": "clarion.notice.given.v1", "payload": payload, "key": key, "source": key}
        headers = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
        begun = self.load.posted[key] = time.monotonic()
        answer = httpx.post(f"{self.stack.web_url}/api/events", json=event, headers=headers, timeout=REQUEST_SECONDS)
        assert answer.status_code == 202, answer.text
        ours = frozenset(self.users) & frozenset(recipients)
        self.load.emitted.append(Emitted(key, ours, "ok", time.monotonic() - begun))

    def heard(self, key: str, users: Collection[int]) -> float | None:
        """Return how long an event of `post` took to the last of these users (seconds); None: some have not got it."""
        key = f"{self.prefix}:{key}"
        came = [self._by_user[user].last_message_at.get(key) for user in users]
        return None if None in came else max(one for one in came if one is not None) - self.load.posted[key]

    def delays(self, since: float, until: float = math.inf, *, to: Collection[int] | None = None) -> list[float]:
        """Return how long each notification of a small event took to its recipient (seconds), shortest first.

        The events are those that were posted between two instants (monotonic), the recipients those in `to`, if given.
        For a notification that has not come the time until now counts.
        """
        now = time.monotonic()
        return sorted(
            self._by_user[user].last_message_at.get(one.key, now) - self.load.posted[one.key]
            for one in tuple(self.load.emitted)
            if one.outcome == "ok" and len(one.recipients) <= FEW and since <= self.load.posted[one.key] < until
            for user in one.recipients
            if to is None or user in to
        )

    def counted(self, metric: str) -> float:
        """A metric, over both edges."""
        return sum(edge.metric(metric) for edge in self.stack.edges)

    def nobody_is_ready(self) -> bool:
        """Whether every edge reports that Redis or Postgres is away, or is not ready."""
        states = [edge.http("/readyz").json() for edge in self.stack.edges]
        return not any(state["ready"] and state["redis"] and state["postgres"] for state in states)

    def mended(self) -> None:
        """The fault is over: recovery counts from here. Called at the end of the block where a test does not."""
        with self.stack.database() as database:
            self._mended_at = (time.monotonic(), evidence.now(database))

    def _conclude(self) -> None:
        if self._mended_at is None:
            self.mended()
        assert self._mended_at is not None
        since, instant = self._mended_at
        recovery: float | None = None
        try:
            self._recovered(instant, since)
            recovery = time.monotonic() - since
            self.some_more()
        finally:
            self.load.stop()
            self._loading.result(60)
            verdict = self._rest_and_check()
            self.result = Result(
                self.fault, 1, verdict.events, verdict.recipients, verdict.lost, verdict.repeated,
                verdict.out_of_order, verdict.leaked, None if recovery is None else round(recovery, 2),
                self.within, round(self.load.slowest, 2), self.may_notice,
            )  # fmt: skip
        assert not verdict.broken, f"{self.fault}: {verdict}"
        grown = {name: most - first for name, (first, most) in self._rss.items() if most - first > GROWTH_MAX}
        assert not grown, f"{self.fault}: these processes grew by so many bytes: {grown}"
        assert self._hints < HINTS_MAX, f"{self.fault}: {self._hints} hints lay on the broker"

    def _recovered(self, instant: datetime, since: float) -> None:
        """Wait until all events from before the end of the fault have reached their recipients."""
        left = self.within
        with self.stack.database() as database:
            wait_until(
                lambda: not evidence.pending(database, self.prefix, instant),
                lambda: f"{self.fault}: pending: {evidence.pending(database, self.prefix, instant)[:5]}",
                left,
            )
            heads = evidence.heads(database, self.users)
        left = max(self.within - (time.monotonic() - since), 1)
        wait_until(lambda: not self._behind(heads), lambda: f"{self.fault}: behind: {self._behind(heads)}", left)

    def _behind(self, heads: dict[int, int]) -> dict[int, str]:
        return {
            one.user: f"{one.seq} of {heads[one.user]}" for one in self.followers if one.seq < heads.get(one.user, 0)
        }

    def _rest_and_check(self) -> Verdict:
        """After the last event, wait for the system to come to rest in its time; return the verdict."""
        with self.stack.database() as database:
            instant = evidence.now(database)
            deadline = time.monotonic() + self.within
            while time.monotonic() < deadline:
                pending = evidence.pending(database, self.prefix, instant)
                if not pending and not self._behind(evidence.heads(database, self.users)):
                    break
                time.sleep(0.05)
            found = evidence.evidence(database, self.prefix, self.users)
        return check(
            self.load.emitted,
            found.committed,
            found.inboxes,
            [one.told() for one in self.followers],
            pending=pending,
            bound_seconds=self.emit_bound,
            resyncs_allowed=self.resyncs,
            forgiven=self.forgiven,
        )

    async def _sample(self) -> None:
        """Look at the memory of every process and the length of the queues, while the trial lasts."""
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(SAMPLE_EVERY_SECONDS)

    def _look(self) -> None:
        for name, process in tuple(self.stack.processes.items()):
            try:
                pid = process.popen.pid if process.popen is not None else -1
                # A process that was restarted counts anew, once it has loaded its code.
                if time.time() - psutil.Process(pid).create_time() < LOADED_SECONDS:
                    continue
                family = [psutil.Process(pid), *psutil.Process(pid).children()]
                rss = sum(one.memory_info().rss for one in family)
            except (psutil.Error, ValueError):
                continue
            first, most = self._rss.get(f"{name} {pid}", (rss, rss))
            self._rss[f"{name} {pid}"] = (first, max(most, rss))
        try:
            with redis.Redis.from_url(self.stack.broker.url, socket_timeout=1, socket_connect_timeout=1) as broker:
                lengths = [int(broker.llen(f"clarion:{queue}")) for queue in ("events", "bursts", "maintenance")]
        except redis.RedisError:
            return
        self._hints = max(self._hints, *lengths)

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
