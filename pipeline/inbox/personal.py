"""Exports or erases a person's data.

Input: the key of a user. Output: everything in their inbox, as it would be exported to them; or their inbox emptied and
their name as an actor removed from the notifications of others. The inbox keeps its head, so that no seq is used twice.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from ...shared.inbox.models import Inbox, Person
from ...shared.protocol import instant
from ...shared.user_keys import Key
from ..epoch import renewed
from ..persons import has_integer_keys, key_of, number_of
from ..sql import load
from . import snapshots
from .chunks import CHUNK, in_chunks
from .mutes import mutes_of

#: Notifications of one page.
PAGE = 500

#: A separate statement, so that the next one sees all rows that were committed before the lock was acquired.
_LOCK = "SELECT 1 FROM clarion_inbox WHERE user_id = %(user)s FOR NO KEY UPDATE"

_EMPTY = load("empty_inbox")

#: The name of a user as an actor: in announcements, and in the lists of actors of collapsed notifications. The latter
#: need a scan of the table, which is acceptable for a request that is rare. Rows in use are left for the next round,
#: because waiting for them while holding others would deadlock with deliveries.
_FORGET_NAME = """
UPDATE clarion_announcement SET actor_id = NULL, actor_username = NULL WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM clarion_announcement WHERE actor_id = %(user)s LIMIT %(chunk)s FOR NO KEY UPDATE SKIP LOCKED))
"""
_NAMES_LEFT = "SELECT EXISTS (SELECT 1 FROM clarion_announcement WHERE actor_id = %(user)s)"

_FORGET_ACTOR = load("forget_actor")
_ACTORS_LEFT = (
    "SELECT EXISTS (SELECT 1 FROM {table} WHERE actors @> jsonb_build_array(jsonb_build_object('id', %(text)s)))"
)


def exported(user_id: Key | UUID) -> Iterator[dict[str, Any]]:
    """Yield all stored data of this user's inbox: the head, each notification, each mute."""
    page = snapshots.newest(user_id, limit=PAGE)
    yield {"inbox": {"user": str(user_id), "seq": page.head.seq, "unread": page.head.unread, "seen": page.head.seen}}
    while page.notifications:
        for notification in page.notifications:
            yield {"notification": notification}
        page = snapshots.newest(user_id, limit=PAGE, before=page.notifications[-1]["seq"])
    for mute in mutes_of(user_id):
        yield {"mute": {"kind": mute.kind, "topic": mute.topic, "since": instant(mute.created_at)}}


def erase(user_id: Key | UUID) -> int:
    """Empty the user's inbox and remove their name as an actor; return the number of removed notifications.

    The inbox is emptied by one transaction and locked by no other. An erasure that was interrupted can be repeated. A
    key that is text or a UUID is removed too if no user has it any more.
    """
    key, number = key_of(user_id), number_of(user_id)
    if number is None:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        renewed()
        cursor.execute(_LOCK, {"user": number})
        cursor.execute(_EMPTY, {"user": number})
        (count,) = cursor.fetchone()
    params = {"user": number, "text": str(key), "chunk": CHUNK}
    in_chunks(_FORGET_NAME, _NAMES_LEFT, params)
    # In this order, because a collapse row with the name would write it to further notifications.
    for table in ("clarion_collapse", "clarion_notification"):
        in_chunks(_FORGET_ACTOR.format(table=table), _ACTORS_LEFT.format(table=table), params)
    if not has_integer_keys() and not get_user_model()._default_manager.filter(pk=key).exists():
        Person.objects.filter(pk=number).update(key=f"erased:{uuid4()}")
        Inbox.objects.filter(pk=number).update(key=None)
    return int(count)
