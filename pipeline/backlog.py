"""The backlog of the pipeline: the length of each queue, the age of its oldest work, and the state of unfinished work.

Output: the state of the outbox and of the broker at this moment, for operators and metrics. Postgres has the
unfinished work and its age; the broker has the number of hints on each queue. Both numbers are about the same while
nothing is wrong. Finished work is not counted, because there may be millions of rows.
"""

import json
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from amqp.exceptions import NotFound
from django.db import connection
from kombu import Connection
from kombu.exceptions import ChannelError

from ..shared import metrics
from ..shared.settings import get_settings
from .celery.app import app, bounded
from .celery.queues import redis_key

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

#: Age after which a hint counts as consumed, on brokers that do not show their messages.
WORKED_OFF_WITHIN = timedelta(minutes=30)

_UNFINISHED = """
SELECT work, lane, state, count(*), coalesce(extract(epoch FROM now() - min(recorded_at)), 0)::float8
  FROM (SELECT 'event' AS work, lane, state, recorded_at FROM clarion_event WHERE state <> 'done'
        UNION ALL
        SELECT 'batch', lane, state, recorded_at FROM clarion_batch WHERE state <> 'done') unfinished
 GROUP BY work, lane, state
"""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Unfinished work of one type, lane and state."""

    work: str  # event or batch
    lane: str  # the queue of its hints
    state: str
    count: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """Unfinished work, and the number of hints on each queue; None if the broker does not answer."""

    unfinished: tuple[Unfinished, ...]
    hints: Mapping[str, int] | None

    def count(self, work: str, state: str) -> int:
        """Return the number of events or batches in this state."""
        return sum(one.count for one in self.unfinished if (one.work, one.state) == (work, state))

    def oldest_seconds(self, lane: str) -> float:
        """Return the age of the oldest pending work of this lane (seconds); 0 without any."""
        waiting = (one for one in self.unfinished if one.lane == lane and one.state == "pending")
        return max((one.oldest_seconds for one in waiting), default=0.0)


def queues() -> tuple[str, ...]:
    """Return the names of all queues of Clarion's Celery app, those of the web app's own tasks among them."""
    return tuple(queue.name for queue in app.conf.task_queues)


def look() -> Backlog:
    """Measure the backlog, by one statement and one short exchange with the broker."""
    with connection.cursor() as cursor:
        cursor.execute(_UNFINISHED)
        unfinished = tuple(Unfinished(*row) for row in cursor.fetchall())
    return Backlog(unfinished, _hints())


def note() -> None:
    """Measure the backlog and set its metrics."""
    backlog = look()
    for work in ("event", "batch"):
        for state in ("pending", "expanded", "failed", "paused"):
            metrics.UNFINISHED.labels(work, state).set(backlog.count(work, state))
    for queue in queues():
        metrics.OLDEST_SECONDS.labels(queue).set(backlog.oldest_seconds(queue))
    metrics.BROKER_UP.set(backlog.hints is not None)
    for queue, depth in (backlog.hints or {}).items():
        metrics.QUEUE_DEPTH.labels(queue).set(depth)


def oldest_hints(queues: Collection[str]) -> dict[str, datetime | None] | None:
    """Return the time of the oldest hint on each of these queues, None for an empty queue.

    None instead of the whole where the broker does not answer. RabbitMQ does not show a message without handing it out,
    so there the oldest hint is taken to be WORKED_OFF_WITHIN old.
    """
    return _ask(lambda broker: {queue: _oldest(broker, queue) for queue in queues})


def _hints() -> dict[str, int] | None:
    return _ask(lambda broker: {queue: _depth(broker, queue) for queue in queues()})


def _ask(question: Callable[[Connection], Answer]) -> Answer | None:
    broker: Connection
    try:
        with app.connection_for_read(**bounded(get_settings().broker_wait_seconds)) as broker:
            # By default kombu tries once more after two seconds.
            broker.ensure_connection(max_retries=0)
            return question(broker)
    except Exception as error:  # noqa: BLE001 - each transport raises its own
        logger.warning("The broker did not answer the query for its queues", extra={"error": repr(error)})
        return None


def _oldest(broker: Connection, queue: str) -> datetime | None:
    if not _depth(broker, queue):
        return None
    with broker.channel() as channel:
        client: Any = getattr(channel, "client", None)
        # The next message is the last one of the list. Another worker may take it in between.
        message: bytes | None = client.lindex(redis_key(queue), -1) if client is not None else None
    if message is not None:
        with suppress(ValueError, TypeError, KeyError, OverflowError, OSError):
            return datetime.fromtimestamp(float(json.loads(message)["headers"]["enqueued_at"]), UTC)
    return datetime.now(UTC) - WORKED_OFF_WITHIN


def _depth(broker: Connection, queue: str) -> int:
    try:
        # A separate channel, because RabbitMQ closes it if the queue is unknown.
        with broker.channel() as channel:
            declared: Any = channel.queue_declare(queue, passive=True)  # type: ignore[attr-defined]  # of each transport
            return int(declared.message_count)
    except (ChannelError, NotFound):
        return 0  # never declared, or on Redis: empty
