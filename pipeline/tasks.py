"""The Celery tasks: an id in, one call to the pipeline, safe to run any number of times."""

from celery import shared_task

from pipeline import delivery
from pipeline.outbox import sweep as sweeping
from pipeline.queues import DELIVER, EXPAND, SWEEP


@shared_task(name=EXPAND)
def expand(event_id: int) -> None:
    """Find who hears of an event, and deliver to them if they are few."""
    delivery.expand(event_id)


@shared_task(name=DELIVER)
def deliver(batch_id: int) -> None:
    """Deliver one batch of a large event."""
    delivery.deliver(batch_id)


@shared_task(name=SWEEP)
def sweep() -> None:
    """Enqueue again what a crash or a failure left unfinished."""
    sweeping.sweep()
