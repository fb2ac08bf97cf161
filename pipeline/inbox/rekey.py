"""Changes the key of a user, whose inbox stays.

Input: the old and the new key, of a user model whose primary key is a UUID or a text. Output: the number of the inbox
belongs to the new key, and so do the user's events that are unfinished and their name in lists of actors. Sockets of
the old key are closed as expired, so that their clients return with new credentials.

Run it in the transaction that changes the key of the user, or immediately after. A notification in between would begin
an inbox of the new key, and then both keys are in use.
"""

from uuid import UUID

from django.db import IntegrityError, connection, transaction

from ...shared.inbox.models import Inbox, Person
from ...shared.user_keys import Key
from ..errors import PipelineError
from ..outbox.models import Event
from ..persons import has_integer_keys, key_of
from ..revocation import close_for_renewal
from ..sql import load
from .chunks import CHUNK, in_chunks

_RENAME_ACTOR = load("rename_actor")
_ACTORS_LEFT = (
    "SELECT EXISTS (SELECT 1 FROM {table} WHERE actors @> jsonb_build_array(jsonb_build_object('id', %(old)s::text)))"
)


class CannotRekey(PipelineError):
    """The key cannot be changed; the message says why."""


def rekey(old: Key | UUID, new: Key | UUID) -> None:
    """Give the inbox of the user with the key `old` to the key `new`; raise CannotRekey, or ValueError for a bad key.

    Notifications that are delivered at the same time may still show the old key as their actor. A run that was
    interrupted can be repeated.
    """
    if has_integer_keys():
        raise CannotRekey("With integer keys the id of a user is the number of the inbox, which cannot change.")
    before, after = key_of(old), key_of(new)
    try:
        with transaction.atomic():
            moved = Person.objects.filter(key=before).update(key=after)
            Inbox.objects.filter(pk__in=Person.objects.filter(key=after).values("pk")).update(key=after)
            Event.objects.filter(actor_key=before).update(actor_key=after)
    except IntegrityError as error:
        raise CannotRekey(f"The key {after!r} has an inbox already, so it cannot take over another one.") from error
    if not moved and not Person.objects.filter(key=after).exists():
        raise CannotRekey(f"No inbox has the key {before!r}.")
    close_for_renewal(before)
    if connection.in_atomic_block:  # it locks many inboxes, a chunk at a time
        transaction.on_commit(lambda: _rename_actor(before, after), robust=True)
    else:
        _rename_actor(before, after)


def _rename_actor(before: Key, after: Key) -> None:
    params = {"old": before, "new": after, "chunk": CHUNK}
    # In this order, because a collapse row with the old key would write it to further notifications.
    for table in ("clarion_collapse", "clarion_notification"):
        in_chunks(_RENAME_ACTOR.format(table=table), _ACTORS_LEFT.format(table=table), params)
