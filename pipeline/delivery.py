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

from django.db import OperationalError, transaction

from ..shared import metrics
from . import audiences, events, limits, persist, publish, recipients
from .enqueue import enqueue
from .errors import is_busy
from .outbox import busy, failures, pauses, work
from .queues import DELIVER

logger = logging.getLogger(__name__)

Expanded = tuple[work.ClaimedEvent, recipients.Cut, list[persist.Stored]]


def expand(event_id: int, *, again: bool = False, enqueued_at: float | None = None) -> None:
    """Turn an event into announcements and batches, and deliver to its recipients inline if they are few.

    `again` says that this is not the first hint, so the work may have ended a worker before; `enqueued_at` is the Unix
    time of the hint, for the event's story.
    """
    if again and not work.start_again(work.EVENT, event_id):
        return
    with metrics.BATCH_SECONDS.labels(work.EVENT.name).time():
        with failures.failure_noted(work.EVENT, [event_id], counted=again):
            try:
                expanded = _expand(event_id, enqueued_at, inline=True)
            except OperationalError as error:
                if not is_busy(error):
                    raise
                expanded = _expand(event_id, enqueued_at, inline=False)
                for batch_id in expanded[1].batch_ids if expanded else ():
                    busy.split(batch_id)  # now, so that `deliver` does not wait for the same lock again
        if expanded is None:
            return
        event, cut, stored = expanded
        logger.info("An event was expanded", extra={"event": event.id, "key": event.key, "recipients": cut.recipients})
        if cut.at_once:
            with failures.failure_noted(work.BATCH, cut.batch_ids):
                publish.publish(stored, event.recorded_at, epoch=event.epoch)
                work.finish_at_once(event.id, cut.batch_ids)
        else:
            enqueue(DELIVER, *cut.batch_ids, queue=cut.lane, traceparent=event.traceparent)


@transaction.atomic(durable=True)
def _expand(event_id: int, enqueued_at: float | None, *, inline: bool) -> Expanded | None:
    """Claim the event, find its recipients, and store the notifications of few; None: there is nothing to do now."""
    event = work.claim_event(event_id)
    if event is None:
        return None
    declared = audiences.audiences_of(events.parse(event.name, event.payload))
    if pauses.held_event(event.id, {audience.kind for audience in declared}):
        return None
    try:
        heard_by, dropped = limits.within(event, declared)
    except limits.Deferred as deferred:
        work.deferred(event.id, deferred.kind, deferred.seconds, str(deferred))
        return None
    cut = recipients.cut(event, heard_by, dropped=dropped, enqueued_at=enqueued_at, inline=inline)
    return event, cut, persist.persist(event.id, cut.at_once, locked=cut.locked) if cut.at_once else []


def deliver(batch_id: int, *, again: bool = False) -> None:
    """Deliver to the recipients of one batch, except those whose inboxes are locked; `again` as in `expand`."""
    if again and not work.start_again(work.BATCH, batch_id):
        return
    timed = metrics.BATCH_SECONDS.labels(work.BATCH.name).time()
    with timed, failures.failure_noted(work.BATCH, [batch_id], counted=again):
        try:
            delivered = _store(batch_id)
        except OperationalError as error:
            if not is_busy(error) or not busy.split(batch_id):
                raise
            delivered = _store(batch_id)
        if delivered is not None:
            batch, stored = delivered
            publish.publish(stored, batch.recorded_at, epoch=batch.epoch)
            work.finish(batch.event_id, batch_id)


@transaction.atomic(durable=True)
def _store(batch_id: int) -> tuple[work.ClaimedBatch, list[persist.Stored]] | None:
    """Claim the batch and store its notifications; None: there is nothing to do now."""
    batch = work.claim_batch(batch_id)
    if batch is None or pauses.held_batch(batch_id, batch.announced.kind):
        return None
    return batch, persist.persist(batch.event_id, [batch])
