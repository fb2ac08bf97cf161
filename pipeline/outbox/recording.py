"""Records an event: the only work that a request does.

Input: a declared event, its idempotency key, its actor. Output: one row in the outbox, written in the caller's
transaction, and after the commit one message on the broker. A broker that does not answer costs a short bounded wait
and no error, because the sweep finds the row.
"""

import json
from functools import cache
from uuid import UUID

from django.db import connection, transaction

from ...shared import metrics
from ...shared.settings import get_settings
from ...shared.user_keys import BIGINT_MAX, Key
from .. import events, persons, tracing
from ..celery.hints import enqueue
from ..celery.queues import BURSTS, EVENTS, EXPAND
from ..errors import InvalidEvent, KeyConflict, UndeclaredEvent
from ..events import Event
from ..json_values import InvalidValue, encode, storable, storable_text
from ..sql import load

KEY_MAX_LENGTH = 200
SOURCE_MAX_LENGTH = 200
#: The sender of messages without the name of a service. It may stand for several services, so it is not used as a
#: source.
UNNAMED_SERVICE = "unnamed"

#: The event of a key, and whether it has the same payload. `jsonb` ignores the order of keys and white space.
_RECORDED = """
SELECT id, payload = %(payload)s::jsonb FROM clarion_event
 WHERE key = %(key)s AND name = %(name)s AND service = %(service)s
UNION ALL
SELECT event_id, digest = md5(%(payload)s::jsonb::text)::uuid FROM clarion_used_key
 WHERE key = %(key)s AND name = %(name)s AND service = %(service)s
 LIMIT 1
"""


def record_named(
    name: str,
    payload: object,
    *,
    key: str,
    service: str,
    actor_id: Key | None = None,
    source: str | None = None,
) -> int:
    """Record an event that a service sent, by its name; raise UndeclaredEvent or InvalidEvent.

    `service` is the name of the sender. Its keys are its own, so it cannot use up a key of the web app.
    """
    declared = events.declared(name)
    if not declared.from_services:
        raise UndeclaredEvent(f"the event {name!r} cannot be sent by a service")
    event = events.parse(name, payload)
    return _record(event, key=key, actor_id=actor_id, source=source, service=service)


def record(event: Event, *, key: str, actor_id: Key | UUID | None = None, source: str | None = None) -> int:
    """Record `event` once per `key` and return the id of its row, also when the key was recorded before.

    Runs inside the caller's transaction: after a rollback nothing has happened. A key is unique among the events of one
    name, also after the event was purged. Raises KeyConflict, an InvalidEvent, when the key was recorded with another
    payload. `actor_id` is the primary key of the user who caused the event and is not notified. `source` groups related
    events for rate control, for example a thread or an import: further events of a busy source take the slower lane, so
    that others do not wait behind them. Without it the actor is the source, and without both nothing is counted. The
    trace context of the request (see pipeline/tracing.py) is kept with the event.
    """
    return _record(event, key=key, actor_id=actor_id, source=source, service="")


@cache
def _insert_sql() -> str:
    """Return the statement. The number of an actor with another key is found by the worker (see work.py)."""
    return load("record_event").format(actor_column="actor_id" if persons.has_integer_keys() else "actor_key")


def _record(event: Event, *, key: str, actor_id: object, source: str | None, service: str) -> int:
    settings = get_settings()
    actor = _checked_actor(actor_id)
    traceparent = tracing.current()
    params = {
        "key": _checked_key(key),
        "name": event.event_name,
        "service": service,
        "payload": _payload(event),
        "actor": actor,
        "traceparent": traceparent or "",
        "source": _source(event, actor, source, service),
        "limit": settings.crowding_limit,
        "window": settings.crowding_seconds,
        "quick": EVENTS,
        "slow": BURSTS,
        "sweep_after": settings.sweep_after_seconds,
    }
    with connection.cursor() as cursor:
        cursor.execute(_insert_sql(), params)
        inserted = cursor.fetchone()
        if inserted is None:
            cursor.execute(_RECORDED, params)
            recorded_id, same = cursor.fetchone()
            if not same:
                raise KeyConflict(
                    f"the key {key!r} was recorded as event {recorded_id} with another payload: "
                    "a key names one occurrence, so use another one for this"
                )
            return int(recorded_id)
    event_id, lane = inserted
    metrics.EVENTS_RECORDED.labels(event.event_name).inc()

    # No `partial`, because Django logs a failed hook by its __qualname__.
    def give_hint() -> None:
        enqueue(EXPAND, event_id, queue=lane, traceparent=traceparent)

    transaction.on_commit(give_hint, robust=True)
    return int(event_id)


def _payload(event: Event) -> str:
    """Return the payload as JSON text; raise InvalidEvent if a worker could not read it back."""
    try:
        dumped = event.model_dump(mode="json", round_trip=True)
        if _holds_nul(dumped):
            raise InvalidEvent("a payload cannot hold the character NUL: Postgres has no place for it")
        text = encode(storable(dumped, "payload"), "payload")
    except ValueError as error:  # pydantic's errors of serialization are too
        reason = str(error) if isinstance(error, InvalidValue) else f"payload: {error}"
        raise InvalidEvent(f"{event.event_name!r} cannot be recorded: {reason}") from error
    try:
        events.parse(event.event_name, json.loads(text))
    except InvalidEvent as error:
        raise InvalidEvent(f"a worker could not read this event back from JSON: {error}") from error
    return text


def _checked_key(key: object) -> str:
    if isinstance(key, str) and 0 < len(key) <= KEY_MAX_LENGTH and storable_text(key) == key:
        return key
    found = f"{len(key)} characters" if isinstance(key, str) else f"a {type(key).__name__}"
    raise InvalidEvent(f"an idempotency key is valid text of 1 to {KEY_MAX_LENGTH} characters, not {found}")


def _checked_actor(actor_id: object) -> Key | None:
    if actor_id is None:
        return None
    if not persons.has_integer_keys():
        try:
            return persons.key_of(actor_id)
        except ValueError as error:
            raise InvalidEvent(f"actor_id is {actor_id!r}: {error}") from error
    if isinstance(actor_id, int) and not isinstance(actor_id, bool) and abs(actor_id) <= BIGINT_MAX:
        return actor_id
    raise InvalidEvent(f"actor_id is {actor_id!r}: pass the id of a user, a whole number, or None")


def _source(event: Event, actor_id: Key | None, source: object, service: str) -> str:
    if source is None and actor_id is not None:
        source = f"{event.event_name} of {actor_id}"
    elif source is None and service != UNNAMED_SERVICE:
        source = service
    if source is not None and not isinstance(source, str):
        raise InvalidEvent(f"source is a {type(source).__name__}: pass text, for example 'import:7'")
    return storable_text(source or "")[:SOURCE_MAX_LENGTH]


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\x00" in value
        case dict():
            return any(_holds_nul(part) for item in value.items() for part in item)
        case list() | tuple():
            return any(_holds_nul(part) for part in value)
    return False
