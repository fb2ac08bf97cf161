"""The Celery tasks: an id in, one call to the pipeline, safe to run any number of times.

Tasks of beat send no events, so that Flower shows work instead of sweeps.
"""

from typing import Any

from celery import Task, shared_task
from celery.exceptions import Reject
from celery.worker import state as worker_state

from . import delivery, inbound, retention
from .celery.hints import resend
from .celery.queues import DELIVER, ECHO, EXPAND, PURGE, RECORD, SAMPLE, SWEEP
from .dashboard import sampling
from .doctor import echo as answering
from .outbox import sweep as sweeping

#: Later than any hint, and a time that Postgres can store (Unix seconds).
INSTANT_MAX = 2**35


@shared_task(name=EXPAND, bind=True)
def expand(self: "Task[[int], None]", event_id: int) -> None:
    """Resolve the recipients of an event, and deliver to them inline if they are few."""
    delivery.expand(event_id, again=_again(self), enqueued_at=_instant(self.request.get("enqueued_at")))


def _instant(value: object) -> float | None:
    """Return a header that is a Unix time, else None, because any program may have written the message."""
    return float(value) if isinstance(value, (int, float)) and 0 < value < INSTANT_MAX else None


@shared_task(name=DELIVER, bind=True)
def deliver(self: "Task[[int], None]", batch_id: int) -> None:
    """Deliver one batch of a large event."""
    delivery.deliver(batch_id, again=_again(self))


def _again(task: "Task[Any, None]") -> bool:
    """Return whether this hint repeats another: by its sender, or because the broker saw no acknowledgement."""
    return bool(task.request.get("again") or (task.request.delivery_info or {}).get("redelivered"))


class FromService(Task):  # type: ignore[type-arg]  # subscriptable from Celery 5.7 on
    """A task whose arguments a service has sent."""

    Request = "clarion.pipeline.celery.redaction:RedactedRequest"


@shared_task(name=RECORD, base=FromService)
def record(*args: Any, **kwargs: Any) -> int | None:
    """Record an event that another service sent: name, payload, key, and optionally actor_id, source and service.

    During an outage of Postgres the message stays on the broker. A rejected message is stored as a dead letter.
    """
    try:
        return inbound.receive(args, kwargs, is_stopping=_is_stopping)
    except inbound.StillAway as error:
        # Sent again, because RabbitMQ drops a message that is returned too often.
        if not _is_stopping() and resend(RECORD, args, kwargs):
            return None
        raise Reject(str(error), requeue=True) from error


def _is_stopping() -> bool:
    # The exit code is 0 for a worker that stops on request.
    return worker_state.should_stop is not None and worker_state.should_stop is not False


@shared_task(name=ECHO, send_events=False)
def echo(nonce: int) -> None:
    """Answer a hint of `manage.py clarion doctor`."""
    answering.answer(nonce)


@shared_task(name=PURGE, send_events=False)
def purge() -> None:
    """Remove rows that are past their retention, for some seconds."""
    retention.purge_slice()


@shared_task(name=SAMPLE, send_events=False)
def sample() -> None:
    """Store a sample of the current state, for the dashboard."""
    sampling.sample()


@shared_task(name=SWEEP, send_events=False)
def sweep() -> None:
    """Enqueue unfinished work again, after a crash or a failure."""
    sweeping.sweep()
