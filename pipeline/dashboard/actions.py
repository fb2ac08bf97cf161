"""The actions of operators: replay, discard, pause, resume, drain. Each is logged in Django's admin log.

Input: a user whose permissions were checked, and the objects of the action. Output: the action is done, with an entry
in the log.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from ...shared.channel_layer import channel_layer
from ...shared.edge_status import DRAIN, TAKE, edge_group
from .. import names
from ..outbox import dead_letters, pauses
from ..outbox.models import Batch, Event, Pause, Sample
from ..outbox.work import WorkType

MODELS: dict[str, type[Event] | type[Batch]] = {"event": Event, "batch": Batch}

#: Ids that an entry of the log names; for more it gives their number.
NAMED_IDS_MAX = 20


def parked(kind: WorkType) -> list[int]:
    """Return the ids of all dead letters of a type of work."""
    return list(MODELS[kind.name]._default_manager.filter(state="failed").values_list("pk", flat=True))


def replay(user: Any, kind: WorkType, ids: Sequence[int]) -> int:
    """Replay dead letters; return their number."""
    count = dead_letters.replay(kind, ids)
    _log_action(user, MODELS[kind.name], f"{kind.name} {_named(ids)}", f"Replayed {count} dead letters")
    return count


def discard(user: Any, kind: WorkType, ids: Sequence[int]) -> int:
    """Mark dead letters as done without notifying anyone; return their number."""
    count = dead_letters.discard(kind, ids)
    _log_action(user, MODELS[kind.name], f"{kind.name} {_named(ids)}", f"Discarded {count} dead letters")
    return count


def pause(user: Any, kind: str) -> bool:
    """Pause a kind; return False if it was paused already."""
    new = pauses.pause(kind, by=names.shown(user))
    if new:
        _log_action(user, Pause, kind, "Paused the kind")
    return new


def resume(user: Any, kind: str) -> int:
    """Resume a kind; return the number of held events and batches."""
    count = pauses.resume(kind)
    _log_action(user, Pause, kind, f"Resumed the kind; {count} held events and batches")
    return count


def drain(user: Any, edge: str) -> bool:
    """Drain an edge: close its sockets and accept no new ones; return whether it received it. Raises RedisError."""
    received = send_command(edge, DRAIN)
    _log_action(user, Sample, f"edge {edge}", "Drained" if received else "Drain command was not received")
    return received


def take(user: Any, edge: str) -> bool:
    """Make a drained edge accept sockets again; return whether it received it. Raises RedisError."""
    received = send_command(edge, TAKE)
    _log_action(
        user,
        Sample,
        f"edge {edge}",
        "Accepts sockets again" if received else "Command to accept sockets was not received",
    )
    return received


def send_command(edge: str, command: str) -> bool:
    """Send DRAIN or TAKE to an edge; return whether it received it. Not logged. Raises RedisError."""
    return channel_layer().publish([(edge_group(edge), {"type": command})]) > 0


def _named(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids)) if len(ids) <= NAMED_IDS_MAX else f"({len(ids)} ids)"


def _log_action(user: Any, model: type[Model], what: str, message: str) -> None:
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(model),
        object_repr=f"{message}: {what}"[:200],  # all that "Recent actions" shows
        action_flag=CHANGE,
        change_message=message,
    )
