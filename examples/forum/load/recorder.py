"""Records the events of a load, as a service with its own process does.

Input: the users, a rate and a duration. Output: one event after another, each to one user, and in the tally the key of
each that is committed. While Postgres is away an event is retried with the same key, so it is recorded once.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction

from clarion import NoticeGiven, record
from examples.forum.load.tally import Tally

T = TypeVar("T")

#: The users of the load. They cannot sign in.
USERS: Final = 5

#: Events a second, and the seconds of a load.
RATE: Final = 20
SECONDS: Final = 60

#: Concurrent transactions; while all wait, no further event is begun, as in a service with as many threads.
_CONCURRENT: Final = 4

#: Wait before a database that is away is tried again (seconds).
_RETRY_SECONDS: Final = 0.3

_KIND: Final = "LOAD_TEST"


class Recorder:
    """The events of one load."""

    def __init__(self, users: Sequence[int], tally: Tally) -> None:
        self._users = users
        self._tally = tally
        self._prefix = f"load:{uuid.uuid4().hex}"
        self._waiting: set[asyncio.Task[None]] = set()
        self.ends_at = time.monotonic() + SECONDS

    async def run(self) -> None:
        """Record for SECONDS; return when every event that was begun is committed."""
        begun = time.monotonic()
        self.ends_at = begun + SECONDS
        number = 0
        while (now := time.monotonic()) < self.ends_at:
            if len(self._waiting) < _CONCURRENT and now >= begun + number / RATE:
                task = asyncio.create_task(self._one(number))
                self._waiting.add(task)
                task.add_done_callback(self._waiting.discard)
                number = max(number + 1, int((now - begun) * RATE))
            await asyncio.sleep(1 / RATE / _CONCURRENT)
        await asyncio.gather(*self._waiting)

    async def _one(self, number: int) -> None:
        key, user = f"{self._prefix}:{number}", self._users[number % len(self._users)]
        await until_done(lambda: _record(key, user))
        self._tally.record(key, user, time.monotonic())


async def until_done(work: Callable[[], T]) -> T:
    """Return the result of `work`, which runs in a thread, and again while the database is away."""

    def attempt() -> T:
        close_old_connections()
        try:
            return work()
        except (InterfaceError, OperationalError):
            connection.close()
            raise

    while True:
        try:
            return await asyncio.to_thread(attempt)
        except (InterfaceError, OperationalError):
            await asyncio.sleep(_RETRY_SECONDS)


def user_ids() -> list[int]:
    """Return the ids of the users, which are created once."""
    names = [f"load-{number}" for number in range(1, USERS + 1)]
    unusable = make_password(None)
    return [User.objects.get_or_create(username=name, defaults={"password": unusable})[0].pk for name in names]


def _record(key: str, user: int) -> None:
    with transaction.atomic():
        record(NoticeGiven(kind=_KIND, data={"key": key}, recipients=(user,)), key=key)
