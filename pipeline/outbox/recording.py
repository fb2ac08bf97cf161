"""Record an event: the whole of what a request pays.

Enters: a declared event, its idempotency key, its actor. Leaves: one row in the outbox, written in the caller's
transaction, and after the commit one message on the broker. A broker that does not answer costs a short bounded wait
and no error: the sweep finds the row.
"""

from django.db import connection, transaction

from pipeline import events, tracing
from pipeline.enqueue import enqueue
from pipeline.errors import InvalidEvent
from pipeline.events import Event
from pipeline.queues import BURSTS, EVENTS, EXPAND
from shared import metrics
from shared.settings import load

KEY_MAX_LENGTH = 200
SOURCE_MAX_LENGTH = 200

#: An event of a source that has recorded many of late takes the slower lane, and so leaves the quick one to others.
#: Counting stops at the limit.
_INSERT = """
INSERT INTO outbox_event (key, name, payload, actor_id, traceparent, next_attempt_at, source, lane)
SELECT %(key)s, %(name)s, %(payload)s::jsonb, %(actor)s, %(traceparent)s,
       now() + make_interval(secs => %(sweep_after)s), %(source)s,
       CASE WHEN count(*) < %(limit)s THEN %(quick)s ELSE %(slow)s END
  FROM (SELECT 1 FROM outbox_event
         WHERE source = %(source)s AND recorded_at > now() - make_interval(secs => %(window)s) LIMIT %(limit)s) crowd
ON CONFLICT (key) DO NOTHING
RETURNING id, lane
"""


def record_named(
    name: str, payload: object, *, key: str, actor_id: int | None = None, source: str | None = None
) -> int:
    """Record an event that a service sent, by its name; raises UndeclaredEvent or InvalidEvent."""
    return record(events.parse(name, payload), key=key, actor_id=actor_id, source=source)


def record(event: Event, *, key: str, actor_id: int | None = None, source: str | None = None) -> int:
    """Record `event` once per `key`; the id of its row, also where the key was recorded before.

    Runs inside the caller's transaction: if that is rolled back, nothing happened. `actor_id` is the user who did it;
    they are not told. `source` is what this event is one of many of when there is a storm (a thread, an import):
    events of a source that crowds are worked off in the slower lane, so that others do not wait behind them. Without
    it, the actor is the source. The trace context of the request (see pipeline/tracing.py) is kept with the event.
    """
    if not key or len(key) > KEY_MAX_LENGTH or "\x00" in key:
        raise InvalidEvent(f"an idempotency key has 1 to {KEY_MAX_LENGTH} characters, this one {len(key)}")
    if _holds_nul(event.model_dump()):
        raise InvalidEvent("a payload cannot hold the character NUL: Postgres has no place for it")
    settings = load()
    traceparent = tracing.current()
    params = {
        "key": key,
        "name": event.event_name,
        "payload": event.model_dump_json(),
        "actor": actor_id,
        "traceparent": traceparent or "",
        "source": (source or f"{event.event_name} of {actor_id}")[:SOURCE_MAX_LENGTH],
        "limit": settings.crowding_limit,
        "window": settings.crowding_seconds,
        "quick": EVENTS,
        "slow": BURSTS,
        "sweep_after": settings.sweep_after_seconds,
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, params)
        inserted = cursor.fetchone()
        if inserted is None:
            cursor.execute("SELECT id FROM outbox_event WHERE key = %s", [key])
            (known,) = cursor.fetchone()
            return int(known)
    event_id, lane = inserted
    metrics.EVENTS_RECORDED.labels(event.event_name).inc()

    # No `partial`: Django says which hook failed by its name, which that has none of, and would fail itself.
    def give_hint() -> None:
        enqueue(EXPAND, event_id, queue=lane, traceparent=traceparent)

    transaction.on_commit(give_hint, robust=True)
    return int(event_id)


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\x00" in value
        case dict():
            return any(_holds_nul(part) for item in value.items() for part in item)
        case list() | tuple():
            return any(_holds_nul(part) for part in value)
    return False
