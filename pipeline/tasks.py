"""The Celery tasks: an id in, one call to the pipeline, safe to run any number of times."""

from typing import Any

from celery import Task, shared_task
from celery.exceptions import Reject
from celery.worker import state as worker_state

from . import delivery, inbound, retention
from .celery.hints import resend
from .celery.queues import DELIVER, EXPAND, PURGE, RECORD, SAMPLE, SWEEP
from .dashboard import sampling
from .outbox import sweep as sweeping

#: Later than any hint was given, and an instant that Postgres can hold (Unix seconds).
INSTANT_MAX = 2**35


@shared_task(name=EXPAND, bind=True)
def expand(self: "Task[[int], None]", event_id: int) -> None:
    """Find who hears of an event, and deliver to them if they are few."""
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


class FromService(Task[Any, Any]):
    """A task whose arguments are what a service sent."""

    Request = "clarion.pipeline.celery.request:RedactedRequest"


@shared_task(name=RECORD, base=FromService)
def record(*args: Any, **kwargs: Any) -> int | None:
    """Record an event that another service sent: name, payload, key, and optionally actor_id, source and service.

    While Postgres is away the message stays on the broker. One that cannot be recorded is kept as a dead letter.
    """
    try:
        return inbound.receive(args, kwargs, is_stopping=_is_stopping)
    except inbound.StillAway as error:
        # Sent anew, because RabbitMQ drops a message that is given back too often.
        if not _is_stopping() and resend(RECORD, args, kwargs):
            return None
        raise Reject(str(error), requeue=True) from error


def _is_stopping() -> bool:
    # The exit code, which is 0 for a worker that stops on request.
    return worker_state.should_stop is not None and worker_state.should_stop is not False


@shared_task(name=PURGE)
def purge() -> None:
    """Remove rows that are past their retention, for some seconds."""
    retention.purge_slice()


@shared_task(name=SAMPLE)
def sample() -> None:
    """See how it all is, for the page of health."""
    sampling.sample()


@shared_task(name=SWEEP)
def sweep() -> None:
    """Enqueue again what a crash or a failure left unfinished."""
    sweeping.sweep()
