"""Who may listen no more: users who were deactivated or deleted, or who logged out everywhere.

Enters: a user id, or the saving of a user. Leaves: tokens issued before this instant refused, and the user's open
sockets closed within a second. A channel layer that does not answer costs a short wait, which is logged: the sockets
stay until their edge next compares them with Postgres.
"""

import logging
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.signals import post_delete, post_save

from pipeline.publish import channel_layer
from shared.groups import user_group
from shared.layer import REVOKED
from shared.settings import load

logger = logging.getLogger(__name__)

_NOT_BEFORE = """
INSERT INTO inbox_inbox (user_id, not_before) VALUES (%s, clock_timestamp())
ON CONFLICT (user_id) DO UPDATE SET not_before = excluded.not_before
"""


def revoke(user_id: int) -> None:
    """Refuse every token that was issued to this user until now, and close their sockets."""
    with connection.cursor() as cursor:
        cursor.execute(_NOT_BEFORE, [user_id])
    transaction.on_commit(lambda: _close_sockets(user_id), robust=True)


def connect() -> None:
    """Watch the app's users; called once, when Django is ready."""
    post_save.connect(_user_saved, sender=settings.AUTH_USER_MODEL, dispatch_uid="clarion.access")
    post_delete.connect(_user_deleted, sender=settings.AUTH_USER_MODEL, dispatch_uid="clarion.access")


def is_active(user: Any) -> bool:
    """Whether this user may connect, by the column that the edge reads too; without such a column everyone may."""
    column = load().user_active_column
    names = [field.attname for field in user._meta.concrete_fields if field.column == column]
    return bool(getattr(user, names[0])) if names else True


def _user_saved(*, instance: Any, created: bool, raw: bool, **_: Any) -> None:
    """A user who was deactivated hears no more. The edge asks Postgres at each connect; this is for open sockets."""
    if not created and not raw and not is_active(instance):
        transaction.on_commit(lambda: _close_sockets(instance.pk), robust=True)


def _user_deleted(*, instance: Any, **_: Any) -> None:
    user_id = instance.pk  # it is gone from the instance once it is deleted
    transaction.on_commit(lambda: _close_sockets(user_id), robust=True)


def _close_sockets(user_id: int) -> None:
    try:
        channel_layer().publish([(user_group(user_id), {"type": REVOKED})])
    except Exception:
        logger.exception("Open sockets of a user could not be closed", extra={"user": user_id})
