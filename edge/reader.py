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
from ..shared.inbox.queries import HEAD_WIDTH, Head, LogRow, log_after_sql
from ..shared.inbox.user_queries import UserTable, connect_sql, heads_sql, password_sql, probes
from ..shared.protocol import ResyncReason
from ..shared.settings import Settings
from ..shared.tokens import Identity
from ..shared.user_keys import Key

logger = logging.getLogger(__name__)

#: Connects that one query reads, and concurrent queries of this kind. A single connect does not wait for others.
CONNECTS_PER_QUERY = 16
CONCURRENT_QUERIES = 2

#: Entries of the log in one page. A replay continues page by page, as fast as the client reads, so this process holds
#: one page at most. An entry has at most about 17 kB.
PAGE_ENTRIES = 50

#: Errors of a statement with a wrong name, type or grant.
WRONG_STATEMENT = (ProgrammingError, DataError)

#: Errors of a read; the stream stays behind and is read again.
ReadFailed = (PostgresError, PoolTimeout, PoolClosed, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Missed:
    """The head of an inbox and the first page of frames of its log after a cursor, as (seq, text).

    `frames` is empty if the log cannot lead from the cursor to the head: too far behind, or purged.
    """

    head: Head
    frames: Sequence[tuple[int, str]]

    def resync_reason(self, since: int, epoch: str | None) -> ResyncReason | None:
        """Return the reason why the log does not lead from the cursor to the head; None if it does."""
        if epoch is not None and epoch != self.head.epoch:
            return ResyncReason.EPOCH
        if since > self.head.seq:
            return ResyncReason.AHEAD
        if since < self.head.floor:
            return ResyncReason.PURGED
        if since < self.head.seq and not self.frames:
            return ResyncReason.BEHIND
        return None


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a user may connect, and the time before which their tokens are revoked."""

    active: bool
    not_before: datetime | None  # tokens issued earlier are revoked

    def admits(self, identity: Identity) -> bool:
        """Return whether this identity may open a socket, or keep one open."""
        return self.active and (self.not_before is None or identity.issued_at >= self.not_before.timestamp())


@dataclass(frozen=True, slots=True)
class ConnectState:
    """The user of a connect, and the frames that they missed."""

    user_id: Key
    username: str
    access: Access
    missed: Missed


@dataclass(frozen=True, slots=True)
class _PendingConnect:
    """A connect that waits for its batched database read."""

    user_id: Key | None
    subject: str | None
    after: int | None
    answer: "asyncio.Future[ConnectState | None]"

    def succeed(self, state: ConnectState | None) -> None:
        if not self.answer.done():  # the client may have gone
            self.answer.set_result(state)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class InboxReader:
    """Reads inboxes; one for each process."""

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.replay_limit
        self._timeout = settings.database_timeout_seconds
        self._users = UserTable(
            settings.user_table,
            settings.user_id_column,
            settings.username_column,
            settings.user_active_column,
            settings.subject_column,
            settings.user_key,
        )
        self._connect_sql = connect_sql(self._users)
        self._heads_sql = heads_sql(self._users)
        self._log_sql = log_after_sql(self._users.keys)
        self._password_sql = password_sql(self._users)
        self.fault: str | None = None  # the setting that makes the connect query fail, and the error
        self._verified = False
        self._pending: deque[_PendingConnect] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
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
        """Whether the connect query has run, so the settings match the tables in Postgres."""
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
        """Run the connect query once, for no user; if it is wrong, find the wrong setting."""
        nobody = {"user_ids": [None], "subjects": [""], "afters": [0], "limit": 1, "page": 1}
        try:
            await self._rows(self._connect_sql, nobody)
        except WRONG_STATEMENT as error:
            await self._find_fault(error)
        else:
            self._verified, self.fault = True, None

    async def _find_fault(self, error: Exception) -> None:
        fault = f"the tables of Clarion: {error} (run `migrate`, or grant SELECT to the edge's role)"
        for setting, probe in probes(self._users):
            try:
                await self._rows(probe, {})
            except WRONG_STATEMENT as wrong:
                fault = f"{setting}: {wrong}"
                break
        self._verified, self.fault = False, fault
        logger.error("The connect query fails: a setting does not match the tables in Postgres", extra={"fault": fault})

    async def connect_state(
        self, user_id: Key | None, after: int | None, *, subject: str | None = None
    ) -> ConnectState | None:
        """Return the user and the log after a cursor (None: do not read the log); None for an unknown user.

        The user is found by the key, or by `subject`, the name that another issuer has for them. Connects that arrive
        together share a query, so a storm of connects takes some dozens of statements.
        """
        key = user_id if subject is None else None
        asked = _PendingConnect(key, subject, after, asyncio.get_running_loop().create_future())
        self._pending.append(asked)
        if len(self._tasks) < CONCURRENT_QUERIES:
            task = asyncio.get_running_loop().create_task(self._read_pending())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await asked.answer

    async def _read_pending(self) -> None:
        while self._pending:
            batch = [self._pending.popleft() for _ in range(min(len(self._pending), CONNECTS_PER_QUERY))]
            try:
                answers = await self._read_batch(batch)
            except Exception as error:  # noqa: BLE001 - passed on to the waiting connects
                if isinstance(error, WRONG_STATEMENT) and self.fault is None:
                    with contextlib.suppress(*ReadFailed):
                        await self._find_fault(error)
                for asked in batch:
                    asked.fail(error)
            else:
                for number, asked in enumerate(batch, 1):
                    asked.succeed(answers.get(number))

    async def _read_batch(self, batch: Sequence["_PendingConnect"]) -> dict[int, ConnectState]:
        """Return the states by the number of the connect in the batch, from 1."""
        asked = {
            "user_ids": [one.user_id for one in batch],
            "subjects": [one.subject for one in batch],
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
        """Return the data and the expiry of a session of the web app; None if it has ended."""
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

    async def password(self, user_id: Key) -> str | None:
        """Return the hash of a user's password, which their sessions are bound to."""
        rows = await self._rows(self._password_sql, {"user_id": user_id})
        return rows[0][0] if rows else None

    async def missed(self, user_id: Key, after: int) -> Missed:
        """Return the head of an inbox, and a page of its log after `after`."""
        rows = await self._rows(
            self._log_sql, {"user_id": user_id, "after": after, "limit": self._limit, "page": PAGE_ENTRIES}
        )
        return _missed(rows)

    async def heads(self, user_ids: Sequence[Key]) -> dict[Key, tuple[str, int, Access]]:
        """Return epoch, seq and access of each of these users' inboxes; deleted users are missing."""
        rows = await self._rows(self._heads_sql, {"user_ids": list(user_ids)})
        return {user_id: (epoch, seq, Access(*access)) for user_id, epoch, seq, *access in rows}

    async def _rows(self, sql: str, params: dict[str, Any]) -> list[TupleRow]:
        if self._pool.closed:
            await self._pool.open(wait=False)  # connections come in the background
        async with asyncio.timeout(self._timeout):
            # After a restart of Postgres each pooled connection fails once, and is replaced.
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
    head = Head(*rows[0][:HEAD_WIDTH])
    if rows[0][HEAD_WIDTH] is None:
        return Missed(head, ())
    log = [LogRow(*row[HEAD_WIDTH:]) for row in rows]
    return Missed(head, [(row.seq, frame_of(row, head.unread, head.unseen)) for row in log])
