"""Reads inboxes from Postgres: the user, the head of the inbox, and the log after a cursor.

Input: a user and a cursor. Output: user, head and log, of one snapshot, by one query for many connects. Reads use a
small asynchronous pool with a limit on concurrent queries and on their time. So thousands of connections that come
back together wait here and not in Postgres, and a Postgres that hangs delays nothing but repairs. The edge never
writes.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, DataError, OperationalError, ProgrammingError
from psycopg import Error as PostgresError
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from ..shared.inbox.frames import frame_of
from ..shared.inbox.queries import LOG_AFTER, Head, LogRow, UserTable, connect_sql, heads_sql, password_sql, probes
from ..shared.settings import Settings
from ..shared.tokens import Identity

logger = logging.getLogger(__name__)

#: Connects that one statement reads, and such statements at the same time. A lone one does not wait for company.
OPENINGS_AT_ONCE = 16
OPENINGS_CONCURRENTLY = 2

#: Entries of the log that one read takes: a replay goes on page by page, as fast as the client takes it, so its size is
#: not this process's. An entry has at most some 17 kB.
PAGE_ENTRIES = 50

#: What a statement fails with that Postgres understood and cannot run: a name, a type or a grant is wrong.
WRONG_STATEMENT = (ProgrammingError, DataError)

#: What a read may fail with; the stream stays behind and is read again.
ReadFailed = (PostgresError, PoolTimeout, PoolClosed, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Missed:
    """The head of an inbox and the first page of frames of its log after a cursor, as (seq, text).

    `frames` is empty where the log cannot lead from the cursor to the head: too far behind, or purged.
    """

    head: Head
    frames: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a user may listen at all, and since when what identifies them counts."""

    active: bool
    not_before: datetime | None  # tokens issued earlier are revoked

    def admits(self, identity: Identity) -> bool:
        """Whether this identity still opens a socket, or keeps one open."""
        return self.active and (self.not_before is None or identity.issued_at >= self.not_before.timestamp())


@dataclass(frozen=True, slots=True)
class ConnectState:
    """The user of a connect, and the frames that they missed."""

    user_id: int
    username: str
    access: Access
    missed: Missed


@dataclass(frozen=True, slots=True)
class _PendingConnect:
    """A connect that waits for its batched database read."""

    who: int | str
    after: int | None
    answer: "asyncio.Future[ConnectState | None]"

    def succeed(self, opening: ConnectState | None) -> None:
        if not self.answer.done():  # the client may have gone
            self.answer.set_result(opening)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class InboxReader:
    """Reads inboxes; one a process."""

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.replay_limit
        self._timeout = settings.database_timeout_seconds
        self._users = UserTable(
            settings.user_table,
            settings.user_id_column,
            settings.username_column,
            settings.user_active_column,
            settings.subject_column,
        )
        self._connect_sql = connect_sql(self._users)
        self._heads_sql = heads_sql(self._users)
        self._password_sql = password_sql(self._users)
        self.fault: str | None = None  # the setting that keeps the connect query from running, and why
        self._verified = False
        self._asked: deque[_PendingConnect] = deque()
        self._asking: set[asyncio.Task[None]] = set()
        self._pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            settings.conninfo,
            min_size=1,
            max_size=settings.repair_concurrency,
            timeout=self._timeout,
            kwargs={
                "autocommit": True,
                "row_factory": tuple_row,
                "prepare_threshold": None,  # PgBouncer in transaction mode
                "connect_timeout": max(2, round(self._timeout)),
                "application_name": "clarion-edge",
            },
            open=False,
        )

    @property
    def verified(self) -> bool:
        """Whether the connect query has run: the settings fit the tables that Postgres has."""
        return self._verified

    async def ready(self) -> bool:
        """Return whether Postgres answers. The connect query itself is used until it has succeeded once."""
        try:
            if self._verified:
                await self._rows("SELECT 1", {})
            else:
                await self._verify()
        except ReadFailed:
            return False
        return True

    async def _verify(self) -> None:
        """Run the connect query once for no user; if it fails for its own sake, find the setting that is wrong."""
        nobody = {"user_ids": [0], "subjects": [""], "afters": [0], "limit": 1, "page": 1}
        try:
            await self._rows(self._connect_sql, nobody)
        except WRONG_STATEMENT as error:
            await self._blame(error)
        else:
            self._verified, self.fault = True, None

    async def _blame(self, error: Exception) -> None:
        fault = f"the tables of Clarion: {error} (run `migrate`, or grant SELECT to the edge's role)"
        for setting, probe in probes(self._users):
            try:
                await self._rows(probe, {})
            except WRONG_STATEMENT as wrong:
                fault = f"{setting}: {wrong}"
                break
        self._verified, self.fault = False, fault
        logger.error("The connect query cannot run: a setting does not fit Postgres", extra={"fault": fault})

    async def opening(self, who: int | str, after: int | None) -> ConnectState | None:
        """Return the user and the log after a cursor (None: do not read the log); None for an unknown user.

        `who` is a user id, or the subject of another issuer. Connects that arrive together share a query, so a storm of
        connects takes some dozens of statements.
        """
        asked = _PendingConnect(who, after, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        if len(self._asking) < OPENINGS_CONCURRENTLY:
            task = asyncio.get_running_loop().create_task(self._open_asked())
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return await asked.answer

    async def _open_asked(self) -> None:
        while self._asked:
            batch = [self._asked.popleft() for _ in range(min(len(self._asked), OPENINGS_AT_ONCE))]
            try:
                answers = await self._openings(batch)
            except Exception as error:  # noqa: BLE001 - passed on to those who wait
                if isinstance(error, WRONG_STATEMENT) and self.fault is None:
                    with contextlib.suppress(*ReadFailed):
                        await self._blame(error)
                for asked in batch:
                    asked.fail(error)
            else:
                for number, asked in enumerate(batch, 1):
                    asked.succeed(answers.get(number))

    async def _openings(self, batch: Sequence["_PendingConnect"]) -> dict[int, ConnectState]:
        """By the number of the one asked for, from 1."""
        asked = {
            "user_ids": [None if isinstance(one.who, str) else one.who for one in batch],
            "subjects": [one.who if isinstance(one.who, str) else None for one in batch],
            "afters": [one.after for one in batch],
            "limit": self._limit,
            "page": PAGE_ENTRIES,
        }
        found: dict[int, list[TupleRow]] = {}
        for number, *row in await self._rows(self._connect_sql, asked):
            found.setdefault(number, []).append(tuple(row))
        return {
            number: ConnectState(rows[0][0], rows[0][1], Access(*rows[0][2:4]), _missed([row[4:] for row in rows]))
            for number, rows in found.items()
            if len({row[0] for row in rows}) == 1  # ambiguous subject: several users match, so reject it
        }

    async def session(self, key: str) -> tuple[str, datetime] | None:
        """A session of the web app that has not ended: what Django stored, and until when it counts."""
        rows = await self._rows(
            "SELECT session_data, expire_date FROM django_session WHERE session_key = %(key)s AND expire_date > now()",
            {"key": key},
        )
        return (rows[0][0], rows[0][1]) if rows else None

    async def ended_sessions(self, keys: Sequence[str]) -> set[str]:
        """Return those of these sessions of the web app that are gone: signed out, or ended by the app."""
        rows = await self._rows(
            "SELECT session_key FROM django_session WHERE session_key = ANY(%(keys)s)", {"keys": list(keys)}
        )
        return set(keys) - {key for (key,) in rows}

    async def password(self, user_id: int) -> str | None:
        """The hash of a user's password, to which their sessions are bound."""
        rows = await self._rows(self._password_sql, {"user_id": user_id})
        return rows[0][0] if rows else None

    async def missed(self, user_id: int, after: int) -> Missed:
        """Return the head of an inbox, and a page of its log after `after`."""
        rows = await self._rows(
            LOG_AFTER, {"user_id": user_id, "after": after, "limit": self._limit, "page": PAGE_ENTRIES}
        )
        return _missed(rows)

    async def heads(self, user_ids: Sequence[int]) -> dict[int, tuple[str, int, Access]]:
        """The epoch, the seq of each of these users' inboxes, and whether they may listen; nothing of who is gone."""
        rows = await self._rows(self._heads_sql, {"user_ids": list(user_ids)})
        return {user_id: (epoch, seq, Access(*access)) for user_id, epoch, seq, *access in rows}

    async def _rows(self, sql: str, params: dict[str, Any]) -> list[TupleRow]:
        if self._pool.closed:
            await self._pool.open(wait=False)  # connections come in the background
        async with asyncio.timeout(self._timeout):
            # After a restart of Postgres each kept connection fails once; then there are new ones.
            for _ in range(self._pool.max_size):
                with contextlib.suppress(OperationalError):
                    return await self._once(sql, params)
            return await self._once(sql, params)

    async def _once(self, sql: str, params: dict[str, Any]) -> list[TupleRow]:
        async with self._pool.connection() as connection:
            # The statement is composed of constants and of names from the settings, quoted.
            cursor = await connection.execute(sql.encode(), params)
            return await cursor.fetchall()


def _missed(rows: Sequence[TupleRow]) -> Missed:
    head = Head(*rows[0][:4])
    if rows[0][4] is None:
        return Missed(head, ())
    log = [LogRow(*row[4:]) for row in rows]
    return Missed(head, [(row.seq, frame_of(row, head.unread)) for row in log])
