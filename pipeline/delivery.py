"""The stages of delivery in order. Read this first.

Input: the id of an event or a batch, from a task. Output: notifications in the inboxes of the recipients, and frames
on the channel layer. Each function may run any number of times, in any number of workers, and be killed at any line:

- Before its commit nothing has happened, and the sweep enqueues the work again.
- After its commit and before `finish` the rows are published again. The edge drops a frame that a connection has
  already sent, by its seq.

Nothing is sent over the network while a transaction is open, so neither function can run inside a transaction of its
caller: the transactions are durable, and Django raises RuntimeError instead of nesting them.
"""

import logging

from django.db import OperationalError, transaction

from ..shared import metrics
from . import audiences, events, fanout, limits, persist, persons, publish
from .celery.hints import enqueue
from .celery.queues import DELIVER
from .errors import is_busy
from .outbox import busy, failures, pauses, work

logger = logging.getLogger(__name__)

Expanded = tuple[work.ClaimedEvent, fanout.FanOut, list[persist.Stored]]


def expand(event_id: int, *, again: bool = False, enqueued_at: float | None = None) -> None:
    """Turn an event into announcements and batches, and deliver to its recipients inline if they are few.

    `again`: this is not the first hint, so a worker may have died of this work before. `enqueued_at` is the Unix time
    of the hint, for the timeline of the event.
    """
    if again and not work.count_restart(work.EVENT, event_id):
        return
    with metrics.BATCH_SECONDS.labels(work.EVENT.name).time():
        with failures.record_failures(work.EVENT, [event_id], counted=again):
            try:
                try:
                    expanded = _expand(event_id, enqueued_at, inline=True)
                except persons.NoNumber as actor:
                    persons.number_for(actor.key)
                    expanded = _expand(event_id, enqueued_at, inline=True)
            except OperationalError as error:
                if not is_busy(error):
                    raise
                expanded = _expand(event_id, enqueued_at, inline=False)
                for batch_id in expanded[1].batch_ids if expanded else ():
                    busy.split(batch_id)  # now, so that `deliver` does not wait for the same lock again
        if expanded is None:
            return
        event, batches, stored = expanded
        details = {"event": event.id, "key": event.key, "recipients": batches.recipients}
        logger.info("Expanded an event", extra=details)
        if batches.inline:
            with failures.record_failures(work.BATCH, batches.batch_ids):
                publish.publish(stored, event.recorded_at, epoch=event.epoch)
                work.finish_inline(event.id, batches.batch_ids)
        else:
            enqueue(DELIVER, *batches.batch_ids, queue=batches.lane, traceparent=event.traceparent)


@transaction.atomic(durable=True)
def _expand(event_id: int, enqueued_at: float | None, *, inline: bool) -> Expanded | None:
    """Claim the event, resolve its recipients, store the notifications of few; None if there is nothing to do."""
    event = work.claim_event(event_id)
    if event is None:
        return None
    declared = audiences.audiences_of(events.parse(event.name, event.payload))
    if pauses.hold_event_if_paused(event.id, {audience.kind for audience in declared}):
        return None
    try:
        within_limits, dropped = limits.within(event, declared)
    except limits.Deferred as deferred:
        work.defer(event.id, deferred.kind, deferred.seconds, str(deferred))
        return None
    batches = fanout.fan_out(event, within_limits, dropped=dropped, enqueued_at=enqueued_at, inline=inline)
    stored = persist.persist(event.id, batches.inline, locked=batches.locked) if batches.inline else []
    return event, batches, stored


def deliver(batch_id: int, *, again: bool = False) -> None:
    """Deliver to the recipients of one batch, except those whose inboxes are locked; `again` as in `expand`."""
    if again and not work.count_restart(work.BATCH, batch_id):
        return
    timed = metrics.BATCH_SECONDS.labels(work.BATCH.name).time()
    with timed, failures.record_failures(work.BATCH, [batch_id], counted=again):
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
    """Claim the batch and store its notifications; None if there is nothing to do."""
    batch = work.claim_batch(batch_id)
    if batch is None or pauses.hold_batch_if_paused(batch_id, batch.announced.kind):
        return None
    return batch, persist.persist(batch.event_id, [batch])
