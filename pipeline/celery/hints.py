"""Sends hints to the broker: "this row is ready to be processed".

Input: the name of a task and ids of committed rows. Output: one message for each id on the queue of that task. It
never raises and never waits longer than `broker_wait_seconds`. A hint that cannot be sent is logged and counted, and
the sweep sends it later. After a failure the broker is not asked again for a moment, so the next request does not wait
for a broker that is known to be down.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import kombu.exceptions
from amqp.exceptions import RecoverableConnectionError
from kombu import Connection
from kombu.pools import ProducerPool, producers

from ...shared import metrics
from ...shared.settings import get_settings
from .app import app, bounded
from .queues import ROUTES

logger = logging.getLogger(__name__)

#: Time for which a broker that did not answer is not contacted again (seconds). The sweep delivers meanwhile.
COOL_DOWN_SECONDS = 2.0

for _task in ROUTES:  # starts at zero, because Prometheus sees no increase in the first value of a series
    metrics.ENQUEUE_FAILED.labels(_task)

_leave_alone_until = 0.0


@cache
def _pool() -> ProducerPool:
    connection: Connection = app.connection_for_write(**bounded(get_settings().broker_wait_seconds))
    pool: ProducerPool = producers[connection]
    return pool


def enqueue(
    task: str, *ids: int, queue: str | None = None, traceparent: str | None = None, again: bool = False
) -> bool:
    """Send one hint for each id, on the task's queue or another; return whether the broker accepted all.

    A hint carries when it was given, whether it is not the first one and, where there is one, the W3C trace context, as
    headers of the message.
    """
    global _leave_alone_until
    if not ids:
        return True
    if time.monotonic() < _leave_alone_until:
        metrics.ENQUEUE_FAILED.labels(task).inc(len(ids))
        return False
    headers: dict[str, str | float] = {"enqueued_at": time.time()}
    if again:
        headers["again"] = True
    if traceparent:
        headers["traceparent"] = traceparent
    try:
        try:
            _give(task, ids, queue, headers)
        except kombu.exceptions.OperationalError as error:
            if not _was_lost(error):
                raise
            _give(task, ids, queue, headers)
    except Exception:
        _leave_alone_until = time.monotonic() + COOL_DOWN_SECONDS
        metrics.ENQUEUE_FAILED.labels(task).inc(len(ids))
        logger.warning(
            "The broker did not accept a task; the sweep will enqueue it",
            exc_info=True,
            extra={"task": task, "ids": ids[:10]},
        )
        return False
    return True


def resend(task: str, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Send a message of a service again, to the end of its queue; return whether the broker accepted it."""
    wait = get_settings().broker_wait_seconds
    try:
        with _pool().acquire(block=True, timeout=wait) as producer:
            app.send_task(task, args, kwargs, producer=producer, retry=False, confirm_timeout=wait)
    except Exception:
        logger.warning(
            "The broker did not accept the retry of a service's message", exc_info=True, extra={"task": task}
        )
        return False
    return True


def _give(task: str, ids: tuple[int, ...], queue: str | None, headers: dict[str, str | float]) -> None:
    wait = get_settings().broker_wait_seconds
    with _pool().acquire(block=True, timeout=wait) as producer:
        # Before kombu 5.7 each hint is a round trip of its own; a failure then leaves the earlier ones sent.
        batch: AbstractContextManager[object] = getattr(producer, "batch", nullcontext)()
        options: dict[str, Any] = {"queue": queue, "headers": headers, "confirm_timeout": wait}
        try:
            with batch:
                for work_id in ids:
                    app.send_task(task, (work_id,), producer=producer, retry=False, **options)
        except Exception:
            # RabbitMQ may still confirm this on the same connection, which would then count for the next.
            if producer.connection is not None:
                producer.connection.collect()
            raise


def _was_lost(error: kombu.exceptions.OperationalError) -> bool:
    """Return whether an open connection was closed, as by a restart of RabbitMQ.

    That is noticed immediately, and a new connection may succeed; a refused or silent one would not.
    """
    return isinstance(error.__cause__, ConnectionResetError | BrokenPipeError | RecoverableConnectionError)
