"""The timeline of one event: the time of each step and the number of recipients.

Input: the id or key of an event. Output: lines of (time, text) in order: recorded, enqueued, expanded, each batch
persisted and published, done or dead letter, and acknowledged.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from redis.exceptions import RedisError

from ...shared import acks
from ...shared.channel_layer import channel_layer
from ...shared.inbox.models import Announcement, Notification
from .. import persons
from .models import Batch, Event

#: Maximum number of recipients whose acknowledgements are read.
ASKED_MAX = 1000

Line = tuple[datetime, str]


class NoSuchEvent(LookupError):
    """No event has that id or key; finished ones are purged after some days."""


def find(id_or_key: str) -> Event:
    """Return the event; raises NoSuchEvent."""
    by_id = Q(pk=int(id_or_key)) if id_or_key.isdecimal() and len(id_or_key) < 19 else Q()
    event = Event.objects.filter(by_id | Q(key=id_or_key) if by_id else Q(key=id_or_key)).first()
    if event is None:
        raise NoSuchEvent(f"No event has the id or key {id_or_key!r}; finished ones are purged after some days.")
    return event


def lines_of(event: Event) -> list[Line]:
    """Return the lines of the event's timeline, in order of time."""
    return sorted(_lines(event), key=lambda line: line[0])


def _lines(event: Event) -> Iterator[Line]:
    yield event.recorded_at, f"recorded as event {event.pk}, {event.name}, by user {event.actor or '(none)'}"
    if event.enqueued_at:
        yield event.enqueued_at, f"enqueued on {event.lane}"
    if event.expanded_at:
        dropped = f", dropped beyond a limit: {', '.join(event.dropped)}" if event.dropped else ""
        yield event.expanded_at, f"expanded: {event.recipients} recipients, {event.muted} muted{dropped}"
    kinds = dict(Announcement.objects.filter(event_id=event.pk).values_list("pk", "kind"))
    for batch in Batch.objects.filter(event=event).order_by("pk"):
        yield from _batch_lines(batch, kinds.get(batch.announcement_id, "(purged)"))
    if event.state == "done" and event.finished_at:
        yield event.finished_at, "done"
        yield from _acknowledged(event)
    if event.state == "paused":
        yield timezone.now(), f"held, because the kind {event.paused_kind} is paused"
    if event.state == "failed" and event.finished_at:
        yield event.finished_at, f"parked: {_last_line(event.error)}"


def _acknowledged(event: Event) -> Iterator[Line]:
    """Count the recipients who have acknowledged it on a socket, today or yesterday."""
    told = Notification.objects.filter(event_id=event.pk).order_by("recipient_id")
    seqs = dict(told.values_list("recipient_id", "seq")[:ASKED_MAX])
    keys = persons.keys_of(seqs)
    try:
        seen = acks.load(channel_layer(), list(keys.values()))
    except (RedisError, OSError):
        yield timezone.now(), "acknowledgements are unknown: the channel layer does not answer"
        return
    count = sum(seq <= seen.get(keys[number], 0) for number, seq in seqs.items())
    asked = " asked" if len(seqs) == ASKED_MAX else ""
    yield timezone.now(), f"acknowledged on a socket by {count} of {len(seqs)} recipients{asked} so far"


def _batch_lines(batch: Batch, kind: str) -> Iterator[Line]:
    size = len(batch.recipients)
    name = f"batch {batch.pk} ({kind}, {size} recipient{'' if size == 1 else 's'})"
    if batch.persisted_at:
        stored = batch.stored or 0
        yield batch.persisted_at, f"{name} persisted: {stored} new, {len(batch.recipients) - stored} stored before"
    if batch.finished_at and batch.state == "done":
        yield batch.finished_at, f"{name} {'published' if batch.persisted_at else 'discarded'}"
    if batch.state == "failed" and batch.finished_at:
        yield batch.finished_at, f"{name} parked: {_last_line(batch.error)}"
    if batch.state == "pending":
        yield batch.next_attempt_at, f"{name} is due again"


def _last_line(error: str) -> str:
    return error.strip().rsplit("\n", 1)[-1]
