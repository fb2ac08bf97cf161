"""Prepared statements for delivery: Postgres parses and plans them once for each connection instead of for each event.

Input: statements with parameters, on Django's connection. Output: cursors of Django that prepare their statements.
Django itself writes parameters into the text, so Postgres sees a new statement each time; planning was a third of the
time that Postgres spent on a small event.

Two situations rule this out, and both are detected here. First, a pooler may give the connection to another client
after each transaction, which has not prepared the same statements; then statements are sent as Django sends them.
Second, a migration may change the type of a column, which a prepared statement no longer fits; then the work is tried
again and prepares anew.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakSet

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.backends.utils import CursorWrapper
from psycopg import errors
from psycopg.types.numeric import Int8Dumper

from .errors import Retryable

#: For the rest of a transaction, leaves the planner no way to rows but along an index, and so in its order. Nor does it
#: read a whole table where it does not know yet how large that has become, or where it made its plan before.
ALONG_THE_INDEX: Final = "set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"

#: Nothing is prepared but what asks for it, however often it is said.
_WHEN_ASKED: Final = sys.maxsize

_GONE = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
_NO_LONGER_FITS: Final = "cached plan must not change result type"

#: Connections of which it is known whether they may prepare.
_known: WeakSet[psycopg.Connection[Any]] = WeakSet()


class _Cursor(psycopg.Cursor[Any]):
    """Always prepares. Integers are bound as bigint; by magnitude, each type would need its own prepared statement."""

    def __init__(self, raw: psycopg.Connection[Any], *, logged: bool) -> None:
        super().__init__(raw)
        self.adapters.register_dumper(int, Int8Dumper)
        self._logged = logged

    def execute(self, query: Any, params: Any = None, **options: Any) -> "_Cursor":
        super().execute(query, params, **{**options, "prepare": True})
        if self._logged:
            self._query = self._convert_query(query, params)  # where Django looks for what to log
        return self


@contextmanager
def cursor() -> Iterator[CursorWrapper]:
    """Return a cursor on Django's connection; raise Retryable if a prepared statement is no longer valid."""
    connection = connections[DEFAULT_DB_ALIAS]  # once: Django's own `connection` looks for it at each attribute
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw = connection.connection
    if not _may_prepare(raw):
        with connection.cursor() as djangos:
            yield djangos
        return
    connection.validate_no_broken_transaction()
    logged = connection.queries_logged
    wrap: Any = connection.make_debug_cursor if logged else connection.make_cursor
    try:
        with wrap(_Cursor(raw, logged=logged)) as ours:
            yield ours
    except DatabaseError as error:
        is_gone = isinstance(error.__cause__, _GONE)
        if is_gone:
            raw.prepare_threshold = None
        if is_gone or _NO_LONGER_FITS in str(error):
            raise Retryable("A prepared statement is of no use any more") from error
        raise


def _may_prepare(raw: psycopg.Connection[Any]) -> bool:
    if raw not in _known:
        # A pooler answers a client itself, with a process id of its own.
        row = raw.execute("SELECT pg_backend_pid()").fetchone()
        if row is not None and row[0] == raw.info.backend_pid:
            raw.prepare_threshold = _WHEN_ASKED
        _known.add(raw)
    return raw.prepare_threshold is not None
