"""Actions of moderators: lock, pin, delete, and their reversals.

Input: a moderator, a thread or message, the action, and its reason. Output: the thread or message is changed, and the
action is stored as a row, committed together with its event. If the state is as requested already, no action is
written: of two moderators who press the same button one acts.
"""

from collections.abc import Callable
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from examples.forum.models import Message, ModerationAction, Thread

Action = ModerationAction.Action

#: The field that an action changes, and its new value, made from the time.
_CHANGES: Final[dict[Action, tuple[str, Callable[[Any], Any]]]] = {
    Action.LOCK: ("is_locked", lambda _: True),
    Action.UNLOCK: ("is_locked", lambda _: False),
    Action.PIN: ("is_pinned", lambda _: True),
    Action.UNPIN: ("is_pinned", lambda _: False),
    Action.DELETE: ("deleted_at", lambda now: now),
    Action.RESTORE: ("deleted_at", lambda _: None),
}


class NotModerator(Exception):
    """Only moderators do this."""


@transaction.atomic
def moderate(moderator: User, what: Thread | Message, action: Action, *, reason: str) -> ModerationAction | None:
    """Do it; the action, or None where it was so already. Raises NotModerator."""
    if not moderator.is_staff:
        raise NotModerator
    field, becomes = _CHANGES[action]
    message = what if isinstance(what, Message) else None
    thread = what.thread if isinstance(what, Message) else what
    rows: Any = Thread.objects if message is None else Message.objects
    value = becomes(timezone.now())
    is_so = getattr(rows.select_for_update(no_key=True).get(pk=what.pk), field)
    if bool(is_so) == bool(value):
        return None
    rows.filter(pk=what.pk).update(**{field: value})
    return ModerationAction.objects.create(
        action=action, thread=thread, message=message, moderator=moderator, reason=reason
    )
