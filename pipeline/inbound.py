"""Events that services send as Celery messages: recorded, or kept as dead letters.

Input: the arguments of a message to the task `pipeline.record`. Output: the event in the outbox. While Postgres is
away the message stays unacknowledged. A message that cannot be recorded (an event that this worker does not know, a
payload that does not fit) becomes an event of its own, which holds the message as it was sent. Expanding that event is
a further attempt to record the message, so it is retried and parked, shown and replayed like any other event.
"""

import hashlib
import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import close_old_connections

from ..shared import metrics
from .audiences import Audience, audiences_for
from .errors import InvalidEvent, UndeclaredEvent, is_outage
from .events import Event
from .json_values import InvalidValue, storable
from .outbox.recording import UNNAMED_SERVICE, record, record_named

logger = logging.getLogger(__name__)

#: Wait before the next attempt during an outage of Postgres: doubled from the first to the last, with jitter (seconds).
WAIT_FIRST_SECONDS = 0.5
WAIT_LAST_SECONDS = 5.0
#: After this long the message is sent again and this copy acknowledged (seconds). It is less than the time after which
#: a broker gives an unacknowledged message to another worker too.
KEPT_SECONDS = 240.0

SERVICE_MAX_LENGTH = 64


class MessageRejected(Event, name="clarion.message.rejected.v1"):
    """A message to `pipeline.record` that could not be recorded, with the arguments that it was sent with."""

    from_services = False

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class StillAway(Exception):
    """The outage of Postgres lasted longer than a message waits."""


def receive(args: Sequence[Any], kwargs: Mapping[str, Any], *, is_stopping: Callable[[], bool]) -> int:
    """Record the event of a message and return the id of its row, or of the dead letter that holds the message.

    Waits during an outage of Postgres. Raises StillAway after KEPT_SECONDS, or when the worker stops (`is_stopping`).
    """
    begun, wait = time.monotonic(), WAIT_FIRST_SECONDS
    while True:
        try:
            return _record_or_keep(args, kwargs)
        except Exception as error:
            if not is_outage(error):
                raise
            if is_stopping() or time.monotonic() - begun > KEPT_SECONDS:
                raise StillAway from error
            logger.warning("Postgres does not answer; a service's message waits for it", extra={"error": repr(error)})
            time.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - jitter
            wait = min(2 * wait, WAIT_LAST_SECONDS)
            close_old_connections()


def _record_or_keep(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    try:
        return _record(args, kwargs)
    except (InvalidEvent, UndeclaredEvent) as error:
        metrics.MESSAGES_REJECTED.inc()
        message = json.dumps([args, kwargs], sort_keys=True)
        event_id = record(_rejected(args, kwargs, message), key=hashlib.sha256(message.encode()).hexdigest())
        logger.warning(
            "Rejected a service's message; stored it as an event to retry",
            extra={"event": event_id, "error": str(error)},
        )
        return event_id


def _rejected(args: Sequence[Any], kwargs: Mapping[str, Any], message: str) -> MessageRejected:
    try:
        return MessageRejected(args=storable(args, "args"), kwargs=storable(kwargs, "kwargs"))
    except InvalidValue:  # nested too deep to be stored as it is
        return MessageRejected(args=(), kwargs={"message": message})


def _record(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Record the event of a message; raise UndeclaredEvent or InvalidEvent."""
    fields = dict(zip(("name", "payload", "key", "actor_id", "source", "service"), args, strict=False)) | dict(kwargs)
    unknown = sorted(fields.keys() - {"name", "payload", "key", "actor_id", "source", "service"})
    missing = [name for name in ("name", "payload", "key") if name not in fields]
    if unknown or missing or len(args) > 6:
        raise InvalidEvent(f"a message needs name, payload and key; missing: {missing}, unknown: {unknown}")
    service = fields.get("service") or UNNAMED_SERVICE
    if not isinstance(service, str) or len(service) > SERVICE_MAX_LENGTH:
        raise InvalidEvent(f"service is {service!r}: pass a name of at most {SERVICE_MAX_LENGTH} characters")
    return record_named(
        fields["name"],
        fields["payload"],
        key=fields["key"],
        actor_id=fields.get("actor_id"),
        source=fields.get("source"),
        service=service,
    )


@audiences_for(MessageRejected)
def record_again(event: MessageRejected) -> list[Audience]:
    """Record the message, now that its event may be declared or corrected; raise as before if it is not."""
    _record(event.args, event.kwargs)
    return []
