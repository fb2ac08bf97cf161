"""The stages of delivery in order. Read this first.

Enters: the id of an event or a batch, from a task. Leaves: notifications in the inboxes of those it concerns, and
frames on the channel layer. Each function may be run any number of times, by any number of workers, and be killed at
any line:

- before its commit, nothing has happened, and the sweep has the work done again;
- after its commit and before `finish`, the rows are there and are published again; the edge drops what a socket has
  had already, by seq.

Nothing is sent over the network while a transaction is open, so neither function can run inside a transaction of its
caller: the transactions are durable, and Django raises RuntimeError instead of nesting them.
"""

import logging

from django.db import transaction

from pipeline import audiences, events, limits, persist, publish, recipients
from pipeline.enqueue import enqueue
from pipeline.outbox import pauses, work
from pipeline.queues import DELIVER
from shared import metrics

logger = logging.getLogger(__name__)


def expand(event_id: int, *, again: bool = False, enqueued_at: float | None = None) -> None:
    """An event becomes announcements and batches; where few are told, they are told at once.

    `again` says that this is not the first hint, so the work may have ended a worker before; `enqueued_at` is the Unix
    time of the hint, for the event's story.
    """
    if again and not work.start_again(work.EVENT, event_id):
        return
    with metrics.BATCH_SECONDS.labels(work.EVENT.name).time():
        with work.failure_noted(work.EVENT, [event_id], counted=again), transaction.atomic(durable=True):
            event = work.claim_event(event_id)
            if event is None:
                return
            declared = audiences.audiences_of(events.parse(event.name, event.payload))
            if pauses.held_event(event.id, {audience.kind for audience in declared}):
                return
            try:
                heard_by, dropped = limits.within(event, declared)
            except limits.Deferred as deferred:
                work.deferred(event.id, deferred.kind, deferred.seconds, str(deferred))
                return
            cut = recipients.cut(event, heard_by, dropped=dropped, enqueued_at=enqueued_at)
            stored = persist.persist(event.id, cut.at_once, locked=cut.locked) if cut.at_once else []
        logger.info("An event was expanded", extra={"event": event.id, "key": event.key, "recipients": cut.recipients})
        if cut.at_once:
            with work.failure_noted(work.BATCH, cut.batch_ids):
                publish.publish(stored, event.recorded_at, epoch=event.epoch)
                work.finish_at_once(event.id, cut.batch_ids)
        else:
            enqueue(DELIVER, *cut.batch_ids, traceparent=event.traceparent)


def deliver(batch_id: int, *, again: bool = False) -> None:
    """The recipients of one batch are told; `again` as in `expand`."""
    if again and not work.start_again(work.BATCH, batch_id):
        return
    with metrics.BATCH_SECONDS.labels(work.BATCH.name).time():
        with work.failure_noted(work.BATCH, [batch_id], counted=again), transaction.atomic(durable=True):
            batch = work.claim_batch(batch_id)
            if batch is None or pauses.held_batch(batch_id, batch.announced.kind):
                return
            stored = persist.persist(batch.event_id, [batch])
        with work.failure_noted(work.BATCH, [batch_id], counted=again):
            publish.publish(stored, batch.recorded_at, epoch=batch.epoch)
            work.finish(batch.event_id, batch_id)
