"""The actions of operators: replay, discard, pause, resume, drain. Each is logged in Django's admin log.

Input: a user whose permissions were checked, and the objects of the action. Output: the action is done, with an entry
in the log.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from ...shared.edge_status import DRAIN, TAKE, edge_group
from .. import names
from ..outbox import dead_letters, pauses
from ..outbox.models import Batch, Event, Pause, Sample
from ..outbox.work import WorkType
from ..publish import channel_layer

MODELS: dict[str, type[Event] | type[Batch]] = {"event": Event, "batch": Batch}

#: Ids that a note names; of more, their number says enough.
NAMED_IN_NOTE = 20


def parked(kind: WorkType) -> list[int]:
    """The ids of all dead letters of a kind of work."""
    return list(MODELS[kind.name]._default_manager.filter(state="failed").values_list("pk", flat=True))


def replay(user: Any, kind: WorkType, ids: Sequence[int]) -> int:
    """Have dead letters done again; how many there were."""
    count = dead_letters.replay(kind, ids)
    _note(user, MODELS[kind.name], f"{kind.name} {_named(ids)}", f"Replayed {count} dead letters")
    return count


def discard(user: Any, kind: WorkType, ids: Sequence[int]) -> int:
    """Mark dead letters as done without notifying anyone; return their number."""
    count = dead_letters.discard(kind, ids)
    _note(user, MODELS[kind.name], f"{kind.name} {_named(ids)}", f"Discarded {count} dead letters")
    return count


def pause(user: Any, kind: str) -> bool:
    """Pause a kind; return False if it was paused already."""
    new = pauses.pause(kind, by=names.shown(user))
    if new:
        _note(user, Pause, kind, "Paused the kind")
    return new


def resume(user: Any, kind: str) -> int:
    """Go on with what waited; how many events and batches that were."""
    count = pauses.resume(kind)
    _note(user, Pause, kind, f"Resumed the kind; {count} events and batches had waited")
    return count


def drain(user: Any, edge: str) -> bool:
    """Have an edge say goodbye to its sockets and take no new ones; whether it heard. Raises RedisError."""
    heard = tell(edge, DRAIN)
    _note(user, Sample, f"edge {edge}", "Drained" if heard else "Asked it to drain; it did not hear")
    return heard


def take(user: Any, edge: str) -> bool:
    """Have a drained edge take sockets again; whether it heard. Raises RedisError."""
    heard = tell(edge, TAKE)
    _note(user, Sample, f"edge {edge}", "Had it take sockets again" if heard else "Asked it; it did not hear")
    return heard


def tell(edge: str, command: str) -> bool:
    """Send DRAIN or TAKE to an edge; return whether it received it. Not logged. Raises RedisError."""
    return channel_layer().publish([(edge_group(edge), {"type": command})]) > 0


def _named(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids)) if len(ids) <= NAMED_IN_NOTE else f"({len(ids)} of them)"


def _note(user: Any, model: type[Model], what: str, message: str) -> None:
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(model),
        object_repr=what[:200],
        action_flag=CHANGE,
        change_message=message,
    )
