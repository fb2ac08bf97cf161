"""What operators do: replay, discard, pause, resume, drain. Each leaves a note of who did it, in Django's admin log.

Enters: a user (of the app's own model) whose rights were looked at, and what to act on. Leaves: it done, and one entry
of the log.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from ...shared.reports import DRAIN, TAKE, edge_group
from .. import names
from ..outbox import dead_letters, pauses
from ..outbox.models import Batch, Event, Pause, Sample
from ..outbox.work import Kind
from ..publish import channel_layer

MODELS: dict[str, type[Event] | type[Batch]] = {"event": Event, "batch": Batch}

#: Ids that a note names; of more, their number says enough.
NAMED_IN_NOTE = 20


def parked(kind: Kind) -> list[int]:
    """The ids of all dead letters of a kind of work."""
    return list(MODELS[kind.name]._default_manager.filter(state="failed").values_list("pk", flat=True))


def replay(user: Any, kind: Kind, ids: Sequence[int]) -> int:
    """Have dead letters done again; how many there were."""
    count = dead_letters.replay(kind, ids)
    _note(user, MODELS[kind.name], f"{kind.name} {_named(ids)}", f"Replayed {count} dead letters")
    return count


def discard(user: Any, kind: Kind, ids: Sequence[int]) -> int:
    """Take dead letters as done, with nobody told; how many there were."""
    count = dead_letters.discard(kind, ids)
    _note(user, MODELS[kind.name], f"{kind.name} {_named(ids)}", f"Discarded {count} dead letters")
    return count


def pause(user: Any, kind: str) -> bool:
    """Have everything wait that would tell this kind; whether it was not paused before."""
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
    """Tell an edge to DRAIN or to TAKE sockets; whether it heard. Leaves no note. Raises RedisError."""
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
