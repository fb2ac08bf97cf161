"""How far behind the pipeline is: what waits on each queue, since when, and in which state.

Enters: nothing. Leaves: a picture of the outbox and the broker as they are now, for operators and their metrics.
Postgres tells what is still to be done and how old it is; the broker how many hints lie on each queue, which is more
or less the same number while all is well. What is finished is not counted: there may be millions.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amqp.exceptions import NotFound
from django.db import connection
from kombu import Connection
from kombu.exceptions import ChannelError

from pipeline.celery import app, bounded
from pipeline.queues import BURSTS, QUEUES
from shared import metrics
from shared.settings import load

logger = logging.getLogger(__name__)

_UNFINISHED = """
SELECT work, lane, state, count(*), coalesce(extract(epoch FROM now() - min(recorded_at)), 0)::float8
  FROM (SELECT 'event' AS work, lane, state, recorded_at FROM outbox_event WHERE state <> 'done'
        UNION ALL
        SELECT 'batch', %(bursts)s, state, recorded_at FROM outbox_batch WHERE state <> 'done') unfinished
 GROUP BY work, lane, state
"""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Some of the work that is not done: of one sort, lane and state."""

    work: str  # event or batch
    lane: str  # the queue it is hinted on
    state: str
    count: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not done, and how many hints lie on each queue; None where the broker does not answer."""

    unfinished: tuple[Unfinished, ...]
    hints: Mapping[str, int] | None

    def count(self, work: str, state: str) -> int:
        """How many events or batches are in this state."""
        return sum(one.count for one in self.unfinished if (one.work, one.state) == (work, state))

    def oldest_seconds(self, lane: str) -> float:
        """How long the oldest that waits on this lane has waited; 0 where nothing waits."""
        waiting = (one for one in self.unfinished if one.lane == lane and one.state == "pending")
        return max((one.oldest_seconds for one in waiting), default=0.0)


def look() -> Backlog:
    """Look now: one statement, and one short exchange with the broker."""
    with connection.cursor() as cursor:
        cursor.execute(_UNFINISHED, {"bursts": BURSTS})
        unfinished = tuple(Unfinished(*row) for row in cursor.fetchall())
    return Backlog(unfinished, _hints())


def note() -> None:
    """Look, and set the metrics that say what was seen."""
    backlog = look()
    for work in ("event", "batch"):
        for state in ("pending", "expanded", "failed", "paused"):
            metrics.UNFINISHED.labels(work, state).set(backlog.count(work, state))
    for queue in QUEUES:
        metrics.OLDEST_SECONDS.labels(queue).set(backlog.oldest_seconds(queue))
    metrics.BROKER_UP.set(backlog.hints is not None)
    for queue, depth in (backlog.hints or {}).items():
        metrics.QUEUE_DEPTH.labels(queue).set(depth)


def _hints() -> dict[str, int] | None:
    broker: Connection
    try:
        with app.connection_for_read(**bounded(load().broker_wait_seconds)) as broker:
            # Left to itself, kombu tries once more after two seconds.
            broker.ensure_connection(max_retries=0)
            return {queue: _depth(broker, queue) for queue in QUEUES}
    except Exception as error:  # noqa: BLE001 - each transport raises its own
        logger.warning("The broker did not say how long its queues are", extra={"error": repr(error)})
        return None


def _depth(broker: Connection, queue: str) -> int:
    try:
        # A channel of its own: RabbitMQ closes the one on which an unknown queue was asked for.
        with broker.channel() as channel:
            declared: Any = channel.queue_declare(queue, passive=True)  # type: ignore[attr-defined]  # of each transport
            return int(declared.message_count)
    except (ChannelError, NotFound):
        return 0  # never declared, or on Redis: empty
