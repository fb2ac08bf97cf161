"""Mutes of a user: a kind, a topic, or a kind within a topic.

Input: a user and a mute. Output: a row, by which the fan-out removes the user from audiences from then on.
Notifications that are in the inbox stay.
"""

from uuid import UUID

from ...shared.inbox.models import Mute
from ...shared.user_keys import Key
from ..errors import PipelineError
from ..persons import number_for, number_of


class NoSuchMute(PipelineError):
    """You have no such mute."""


def mutes_of(user_id: Key | UUID) -> list[Mute]:
    """Return the user's mutes, oldest first."""
    number = number_of(user_id)
    return [] if number is None else list(Mute.objects.filter(user_id=number).order_by("pk"))


def mute(user_id: Key | UUID, *, kind: str | None, topic: str | None) -> Mute:
    """Mute a kind, a topic, or both; return the existing mute if there is one."""
    found, _ = Mute.objects.get_or_create(user_id=number_for(user_id), kind=kind, topic=topic)
    return found


def unmute(user_id: Key | UUID, mute_id: int) -> None:
    """Remove a mute; raises NoSuchMute."""
    number = number_of(user_id)
    if number is None or not Mute.objects.filter(user_id=number, pk=mute_id).delete()[0]:
        raise NoSuchMute
