"""Mutes of a user: a kind, a topic, or a kind within a topic.

Input: a user and a mute. Output: a row, by which the fan-out removes the user from audiences from then on.
Notifications that are in the inbox stay.
"""

from ...shared.inbox.models import Mute
from ..errors import PipelineError


class NoSuchMute(PipelineError):
    """You have no such mute."""


def mutes_of(user_id: int) -> list[Mute]:
    """The user's mutes, oldest first."""
    return list(Mute.objects.filter(user_id=user_id).order_by("pk"))


def mute(user_id: int, *, kind: str | None, topic: str | None) -> Mute:
    """Mute; a mute that is there already is answered as it is."""
    found, _ = Mute.objects.get_or_create(user_id=user_id, kind=kind, topic=topic)
    return found


def unmute(user_id: int, mute_id: int) -> None:
    """Hear it again; raises NoSuchMute."""
    deleted, _ = Mute.objects.filter(user_id=user_id, pk=mute_id).delete()
    if not deleted:
        raise NoSuchMute
