"""Record an event: the whole of what a request pays.

Enters: a declared event, its idempotency key, its actor. Leaves: one row in the outbox, written in the caller's
transaction, and after the commit one message on the broker. A broker that does not answer costs a short bounded wait
and no error: the sweep finds the row.
"""

from functools import partial

from django.db import connection, transaction

from pipeline.enqueue import enqueue
from pipeline.errors import InvalidEvent
from pipeline.events import Event
from pipeline.queues import EXPAND
from shared import metrics

#: Long enough for the enqueued task to have started on a busy day; then the sweep enqueues it again (seconds).
SWEEP_AFTER_SECONDS = 10

KEY_MAX_LENGTH = 200

_INSERT = """
INSERT INTO outbox_event (key, name, payload, actor_id, next_attempt_at)
VALUES (%s, %s, %s::jsonb, %s, now() + make_interval(secs => %s))
ON CONFLICT (key) DO NOTHING
RETURNING id
"""


def record(event: Event, *, key: str, actor_id: int | None = None) -> int:
    """Record `event` once per `key`; the id of its row, also where the key was recorded before.

    Runs inside the caller's transaction: if that is rolled back, nothing happened. `actor_id` is the user who did it;
    they are not told.
    """
    if not key or len(key) > KEY_MAX_LENGTH:
        raise InvalidEvent(f"an idempotency key has 1 to {KEY_MAX_LENGTH} characters, this one {len(key)}")
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [key, event.event_name, event.model_dump_json(), actor_id, SWEEP_AFTER_SECONDS])
        inserted = cursor.fetchone()
        if inserted is None:
            cursor.execute("SELECT id FROM outbox_event WHERE key = %s", [key])
            (known,) = cursor.fetchone()
            return int(known)
    event_id = int(inserted[0])
    metrics.EVENTS_RECORDED.labels(event.event_name).inc()
    transaction.on_commit(partial(enqueue, EXPAND, event_id), robust=True)
    return event_id
