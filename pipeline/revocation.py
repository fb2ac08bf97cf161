"""Revokes access when a user is deactivated or deleted, logs out everywhere, signs out, or changes the password.

Input: a user id, or Django's signals. Guarantees: credentials that end are refused from the commit on, and the sockets
that they opened are closed within a second. A channel layer that does not answer costs a short wait, which is logged:
the sockets stay until their edge next compares them with Postgres.
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db import connection, transaction
from django.db.models.signals import post_delete, post_save

from ..shared.channel_layer import channel_layer
from ..shared.groups import user_group
from ..shared.messages import ENDED, REVOKED
from ..shared.settings import get_settings
from ..shared.tokens import session_digest
from ..shared.user_keys import Key
from .persons import key_of, number_for

logger = logging.getLogger(__name__)

_NOT_BEFORE = """
INSERT INTO clarion_inbox (user_id, not_before) VALUES (%s, clock_timestamp())
ON CONFLICT (user_id) DO UPDATE SET not_before = excluded.not_before
"""


def revoke(user_id: Key | UUID) -> None:
    """Revoke every token and ticket that was issued to this user until now, and close their sockets."""
    number = number_for(user_id)
    with connection.cursor() as cursor:
        cursor.execute(_NOT_BEFORE, [number])
    transaction.on_commit(lambda: _close_sockets(user_id), robust=True)


def renew(user_id: Key | UUID) -> None:
    """Do the same, except that the user's clients are asked to reconnect with a new token or ticket."""
    number = number_for(user_id)
    with connection.cursor() as cursor:
        cursor.execute(_NOT_BEFORE, [number])
    close_for_renewal(user_id)


def close_for_renewal(user_id: Key | UUID) -> None:
    """Close the user's sockets after the commit as expired, so that their clients return with new credentials."""
    transaction.on_commit(lambda: _close_sockets(user_id, {"type": ENDED, "session": None}), robust=True)


def end_session(user_id: Key | UUID, session_key: str) -> None:
    """Close the sockets that this session of the web app, or a token or ticket from it, has opened."""
    message = {"type": ENDED, "session": session_digest(session_key)}
    transaction.on_commit(lambda: _close_sockets(user_id, message), robust=True)


def connect() -> None:
    """Connect the signals of the user model; called once, when Django is ready."""
    post_save.connect(_user_saved, sender=settings.AUTH_USER_MODEL, dispatch_uid="clarion.access")
    post_delete.connect(_user_deleted, sender=settings.AUTH_USER_MODEL, dispatch_uid="clarion.access")
    user_logged_out.connect(_signed_out, dispatch_uid="clarion.access")


def is_active(user: Any) -> bool:
    """Return whether this user may connect, by the column that the edge reads too; without such a column all may."""
    column = get_settings().user_active_column
    names = [field.attname for field in user._meta.concrete_fields if field.column == column]
    return bool(getattr(user, names[0])) if names else True


def _user_saved(*, instance: Any, created: bool, raw: bool, update_fields: Any = None, **_: Any) -> None:
    """End the sockets of a user who was deactivated, and the credentials of one who has a new password.

    The edge reads `is_active` at each connect; this is for open sockets.
    """
    if created or raw:
        return
    if not is_active(instance):
        transaction.on_commit(lambda: _close_sockets(instance.pk), robust=True)
    # Django keeps the new password here between `set_password` and the end of `save`.
    elif getattr(instance, "_password", None) is not None and (update_fields is None or "password" in update_fields):
        renew(instance.pk)


def _signed_out(*, request: Any, user: Any, **_: Any) -> None:
    session = getattr(request, "session", None)
    if user is not None and session is not None and session.session_key:
        end_session(user.pk, session.session_key)


def _user_deleted(*, instance: Any, **_: Any) -> None:
    user_id = instance.pk  # the instance loses it when it is deleted
    transaction.on_commit(lambda: _close_sockets(user_id), robust=True)


def _close_sockets(user_id: Key | UUID, message: Mapping[str, Any] = MappingProxyType({"type": REVOKED})) -> None:
    try:
        channel_layer().publish([(user_group(key_of(user_id)), dict(message))])
    except Exception:
        logger.exception("Could not close the open sockets of a user", extra={"user": user_id})
