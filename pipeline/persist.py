"""Stores a batch: a notification for each recipient, with the next seq and the unread count of each inbox.

Input: claimed batches of one event, inside the transaction that claimed them. Output: one notification row for each
recipient, and the data that their frames need. One statement advances the inboxes, inserts the rows and marks the
batches as stored, whatever their size.

Inboxes are locked in order of user ids, so two batches with recipients in common wait for each other and never
deadlock. If there are few recipients, the fan-out has locked them. Otherwise a statement locks them first if there are
several batches, or if a kind collapses, since the open notification must be read under the lock. In all other cases
the update itself locks them, along the index. If some recipients have no inbox, none is locked until the missing ones
are inserted, in the same order.

The same statement inserts the rows of a batch and marks it, and a user is in one batch of an event only. So a marked
batch has all of its rows and is only published again; a batch without the mark has none.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from ..shared import metrics
from ..shared.inbox.queries import read_sql
from ..shared.protocol import NotificationContent
from ..shared.settings import get_settings
from ..shared.user_keys import Key
from . import persons, prepared
from .kinds import kind_of
from .outbox.work import ClaimedBatch
from .prepared import ALONG_THE_INDEX
from .sql import load

_USERS = "ARRAY(SELECT unnest(recipients) FROM clarion_batch WHERE id = ANY(%(batches)s))"

_LOCK_INBOXES = load("lock_inboxes").format(users=_USERS)
_CREATE_INBOXES = load("create_inboxes").format(users=_USERS, key_column="", key_of_recipient="")
_CREATE_INBOXES_WITH_KEYS = load("create_inboxes").format(
    users=_USERS,
    key_column=", key",
    key_of_recipient=", (SELECT p.key FROM clarion_person p WHERE p.id = recipient.user_id)",
)

#: The window that the storm limit counts in, as it was before this notification.
_IN_WINDOW = "i.window_at > clock_timestamp() - make_interval(secs => %(storm_seconds)s)"

_NEXT_SEQ = f"""
       seq = i.seq + 1,
       window_at = CASE WHEN {_IN_WINDOW} THEN i.window_at ELSE clock_timestamp() END,
       window_count = CASE WHEN {_IN_WINDOW} THEN i.window_count + 1 ELSE 1 END
"""

#: Many inboxes are advanced, and so locked, in the order of user ids.
_ALONG_THE_INDEX = f"SELECT {ALONG_THE_INDEX}"

_MARK_STORED = """
UPDATE clarion_batch SET persisted_at = clock_timestamp(), stored = cardinality(recipients) WHERE id = ANY(%(batches)s)
"""

_ONE_BATCH = "(SELECT recipients FROM clarion_batch WHERE id = %(batch)s)"

#: The key of the owner of the inbox `i`, for the name of the group (see shared/groups.py).
_KEY: Final = "coalesce(i.key, (SELECT p.key FROM clarion_person p WHERE p.id = i.user_id))"

#: Rows that an earlier attempt stored and perhaps did not publish. Rows that were read or deleted since are not
#: published, and the edge repairs the gap that this leaves.
_STORED_BEFORE = f"""
SELECT n.announcement_id, {{owner}}, n.seq, i.unread, n.quiet IS TRUE, n.first, n.count, n.actors, n.actor_count
  FROM clarion_notification n JOIN clarion_inbox i ON i.user_id = n.recipient_id
 WHERE n.event_id = %(event)s
   AND n.recipient_id = ANY({_USERS})
   AND NOT {{is_read}} AND n.deleted_at IS NULL AND n.replaced_by IS NULL
"""  # noqa: S608 - constants

#: Actors that a collapsed notification names, and that it counts exactly.
ACTORS_NAMED = 3
ACTORS_COUNTED = 100


#: One recipient's copy, as its frame will say it: key of the user, seq, unread, whether quiet. As Postgres gives it,
#: since a burst has a hundred thousand.
Created = tuple[Key, int, int, bool]


class CollapsedCopy(NamedTuple):
    """A copy that collapsed with an unread notification."""

    user_id: Key
    seq: int
    unread: int
    quiet: bool
    first: int
    stands_for: int
    actors: str  # JSON
    actor_count: int


@dataclass(frozen=True, slots=True)
class Stored:
    """One announcement and its copies."""

    announced: NotificationContent
    created: Sequence[Created] = ()
    joined: Sequence[CollapsedCopy] = ()

    def __len__(self) -> int:
        return len(self.created) + len(self.joined)


@cache
def _statements() -> tuple[str, str, str]:
    """Return the statements that store one batch, store batches with kinds that collapse, and read stored batches.

    The first returns no row if a recipient has no inbox. The key of each recipient is in the rows, with integer keys
    without another table.
    """
    integer = persons.has_integer_keys()
    user, key = ("user_id", "") if integer else ("key", f"{_KEY} AS key, ")
    one = load("assign_seq_and_insert").format(
        user=user, key=key, users=_ONE_BATCH, next_seq=_NEXT_SEQ, mark_stored=_MARK_STORED
    )
    collapsing = load("assign_seq_and_collapse").format(
        user=user, key=key, in_window=_IN_WINDOW, next_seq=_NEXT_SEQ, mark_stored=_MARK_STORED,
        is_read=read_sql("n", "new.read_floor"),
    )  # fmt: skip
    stored_before = _STORED_BEFORE.format(owner="user_id" if integer else _KEY, is_read=read_sql("n", "i.read_floor"))
    return one, collapsing, stored_before


def persist(event_id: int, batches: Sequence[ClaimedBatch], *, locked: bool = False) -> list[Stored]:
    """Store the notifications of `batches`, all of one event; return them for publishing, also those stored before.

    `locked` says that all recipients have inboxes, which this transaction has locked, and goes along indexes since.
    """
    settings = get_settings()
    new = [batch for batch in batches if not batch.persisted]
    old = [batch for batch in batches if batch.persisted]
    params: dict[str, Any] = {
        "event": event_id,
        "batches": [batch.id for batch in new],
        "storm_limit": settings.storm_limit,
        "storm_seconds": settings.storm_seconds,
    }
    stored: list[Stored] = []
    with prepared.cursor() as cursor:
        if new:
            stored = _store(cursor, new, params, locked=locked)
            metrics.NOTIFICATIONS_STORED.inc(sum(map(len, stored)))
        if old:
            cursor.execute(_statements()[2], params | {"batches": [batch.id for batch in old]})
            stored += _by_announcement(old, cursor.fetchall())
    return stored


def _store(cursor: Any, batches: Sequence[ClaimedBatch], params: dict[str, Any], *, locked: bool) -> list[Stored]:
    announced = [one.announced for one in batches]
    insert, insert_collapsing, _ = _statements()
    create = _CREATE_INBOXES if persons.has_integer_keys() else _CREATE_INBOXES_WITH_KEYS
    collapsing = sorted({one.kind for one in announced if one.topic and kind_of(one.kind).collapses})
    if not locked:
        cursor.execute(_ALONG_THE_INDEX)
        if collapsing or len(batches) > 1:
            cursor.execute(_LOCK_INBOXES, params)
            if not cursor.fetchone()[0]:
                cursor.execute(create, params)
                cursor.execute(_LOCK_INBOXES, params)
    if collapsing:
        cursor.execute(insert_collapsing, params | {"collapsing": collapsing} | _actor(batches[0]))
        return _by_announcement(batches, cursor.fetchall())
    stored: list[Stored] = []
    for batch in batches:
        of_batch = {"announcement": batch.announcement_id, "created_at": batch.announced.created_at}
        of_batch |= params | {"batch": batch.id, "batches": [batch.id]}
        cursor.execute(insert, of_batch)
        if not cursor.rowcount:
            cursor.execute(create, of_batch)
            cursor.execute(insert, of_batch)
        stored.append(Stored(batch.announced, cursor.fetchall()))
    return stored


def _by_announcement(batches: Sequence[ClaimedBatch], rows: Sequence[Sequence[Any]]) -> list[Stored]:
    """Rows of the announcement's id, the fields of every copy, and the fields that are null unless it collapsed."""
    created: dict[int, list[Created]] = {batch.announcement_id: [] for batch in batches}
    joined: dict[int, list[CollapsedCopy]] = {batch.announcement_id: [] for batch in batches}
    for announcement_id, user_id, seq, unread, quiet, first, *more in rows:
        if first is None:
            created[announcement_id].append((user_id, seq, unread, quiet))
        else:
            joined[announcement_id].append(CollapsedCopy(user_id, seq, unread, quiet, first, *more))
    announced = {batch.announcement_id: batch.announced for batch in batches}
    return [Stored(one, created[its_id], joined[its_id]) for its_id, one in announced.items()]


def _actor(batch: ClaimedBatch) -> dict[str, Any]:
    """Who is added to the actors of collapsed notifications: the event's, the same for all its batches."""
    actor = batch.announced.actor()
    return {
        "actor": batch.actor_number,
        "actor_key": batch.announced.actor_id,
        "actors": json.dumps([] if actor is None else [actor]),
        "actors_named": ACTORS_NAMED,
        "actors_counted": ACTORS_COUNTED,
    }
