"""What Postgres holds of a trial, read past all links, as the checker wants it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from clarion.shared.installation import IDENTITY
from tests.faults.checker import Inbox, Note

Database = psycopg.Connection[tuple[Any, ...]]

_PEOPLE = """
INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined)
SELECT %(prefix)s || n, '', false, '', '', '', false, true, now() FROM generate_series(1, %(count)s) n RETURNING id
"""

_INBOXES = "SELECT user_id, seq, unread FROM clarion_inbox WHERE user_id = ANY(%s)"

#: With the key of its event: the outbox keeps events for days.
_NOTIFICATIONS = """
SELECT n.recipient_id, n.seq, coalesce(e.key, 'event ' || n.event_id), coalesce(n.first, n.seq),
       n.read_at IS NOT NULL OR n.seq <= i.read_floor AND n.unread_again IS NULL,
       coalesce(n.count, 1), n.deleted_at IS NULL AND n.replaced_by IS NULL
  FROM clarion_notification n JOIN clarion_inbox i ON i.user_id = n.recipient_id
  LEFT JOIN clarion_event e ON e.id = n.event_id
 WHERE n.recipient_id = ANY(%s) ORDER BY n.seq
"""

_CHANGES = "SELECT recipient_id, seq FROM clarion_change WHERE recipient_id = ANY(%s) ORDER BY seq"

_COMMITTED = "SELECT key FROM clarion_event WHERE starts_with(key, %s)"

_PENDING = """
SELECT key || ' is ' || state || ', ' || attempts || ' starts: ' || right(error, 300)
  FROM clarion_event WHERE starts_with(key, %(prefix)s) AND state <> 'done' AND recorded_at <= %(before)s
 UNION ALL
SELECT e.key || ', batch ' || b.number || ', is ' || b.state || ', ' || b.attempts || ' starts: ' || right(b.error, 300)
  FROM clarion_batch b JOIN clarion_event e ON e.id = b.event_id
 WHERE starts_with(e.key, %(prefix)s) AND b.state <> 'done' AND e.recorded_at <= %(before)s
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The inboxes of a trial's people, and the keys of the events that were committed."""

    inboxes: Sequence[Inbox]
    committed: frozenset[str]


def people(database: Database, prefix: str, count: int) -> list[int]:
    """New users; their ids."""
    return [row[0] for row in database.execute(_PEOPLE, {"prefix": prefix, "count": count})]


def epoch(database: Database) -> str:
    """Which history this is."""
    row = database.execute("SELECT coalesce((SELECT value FROM clarion_epoch), '0')").fetchone()
    assert row is not None
    return str(row[0])


def channels(database: Database) -> str:
    """First part of the names of the layer's channels, for groups."""
    row = database.execute(IDENTITY).fetchone()
    assert row is not None
    return f"clarion-{row[0]}__group__"


def now(database: Database) -> datetime:
    """The clock of Postgres."""
    row = database.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    instant: datetime = row[0]
    return instant


def heads(database: Database, users: Sequence[int]) -> dict[int, int]:
    """The seq of each inbox."""
    return {user: seq for user, seq, _ in database.execute(_INBOXES, [list(users)])}


def pending(database: Database, prefix: str, before: datetime) -> list[str]:
    """Work that was recorded before this time and is not done."""
    return [str(row[0]) for row in database.execute(_PENDING, {"prefix": prefix, "before": before})]


def committed(database: Database, prefix: str) -> frozenset[str]:
    """The keys of the events that are there."""
    return frozenset(str(key) for (key,) in database.execute(_COMMITTED, [prefix]))


def evidence(database: Database, prefix: str, users: Sequence[int]) -> Evidence:
    """All of it."""
    told: dict[int, list[tuple[int, str]]] = {user: [] for user in users}
    shown: dict[int, dict[str, Note]] = {user: {} for user in users}
    changed: dict[int, list[int]] = {user: [] for user in users}
    for user, seq, key, name, is_read, count, is_shown in database.execute(_NOTIFICATIONS, [list(users)]):
        told[user].append((seq, key))
        if is_shown:
            shown[user][str(name)] = Note(is_read, count)
    for user, seq in database.execute(_CHANGES, [list(users)]):
        changed[user].append(seq)
    inboxes = [
        Inbox(user, seq, unread, told[user], changed[user], shown[user])
        for user, seq, unread in database.execute(_INBOXES, [list(users)])
    ]
    return Evidence(inboxes, committed(database, prefix))
