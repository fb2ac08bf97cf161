"""Event and Batch: the work still to be done, and what became of it.

Private to `pipeline/outbox/`, but for the one statement in `pipeline/fanout.py` that cuts audiences into batches.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ...shared.array_field import ArrayField
from ...shared.primary import PrimaryManager
from ...shared.user_keys import Key

#: The index contains pending rows only, so that the sweep does not read finished work.
DUE = models.Q(state="pending")
#: For operators: unfinished work and dead letters.
UNFINISHED = ~models.Q(state="done")


class Work(models.Model):
    """The common base of Event and Batch: a state, and the time of the next check."""

    class State(models.TextChoices):
        """`expanded` is an event's only: its batches are made and being delivered. `paused`: see pauses.py."""

        PENDING = "pending"
        EXPANDED = "expanded"
        DONE = "done"
        FAILED = "failed"
        PAUSED = "paused"

    state = models.CharField(max_length=8, choices=State.choices, db_default=State.PENDING)
    attempts = models.IntegerField(db_default=0, help_text="Repeated starts that did not come to an end")
    next_attempt_at = models.DateTimeField(help_text="When the sweep enqueues it again, if it is still pending then")
    hinted_at = models.DateTimeField(db_default=Now(), help_text="When it was last enqueued")
    failing_since = models.DateTimeField(null=True, help_text="First failure of its own, since it last worked")
    error = models.TextField(blank=True, db_default="")
    recorded_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Event(Work):
    """An event of the web app: one row, written in the transaction of its cause."""

    key = models.CharField(max_length=200, help_text="Idempotency key: the same key is the same event")
    name = models.CharField(max_length=120)
    service = models.CharField(
        max_length=64, blank=True, db_default="", help_text="Which service sent it; empty: web app"
    )
    payload = models.JSONField()
    actor_id = models.BigIntegerField(null=True)
    actor_key = models.TextField(null=True, help_text="The actor instead, if keys of users are not integers")
    traceparent = models.CharField(max_length=64, blank=True, db_default="")
    recipients = models.IntegerField(null=True, help_text="How many are told, once it is expanded")
    source = models.CharField(max_length=200, db_default="", help_text="What it is one of many of, in a storm")
    lane = models.CharField(max_length=16, db_default="events", help_text="The queue that it is expanded from")
    enqueued_at = models.DateTimeField(null=True, help_text="When the hint was given that the worker followed")
    expanded_at = models.DateTimeField(null=True)
    muted = models.IntegerField(null=True, help_text="How many were left out because they do not want to hear of it")
    paused_kind = models.CharField(max_length=64, blank=True, db_default="", help_text="Which paused kind it waits for")
    dropped = ArrayField(models.CharField(max_length=64), db_default=[], help_text="Kinds that were over their limit")
    slots = ArrayField(
        models.CharField(max_length=64), db_default=[], help_text="Kinds over their limit that it has waited for"
    )

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_event"
        constraints: ClassVar = [models.UniqueConstraint(fields=["key", "name", "service"], name="clarion_event_once")]
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at"], condition=DUE, name="clarion_event_due"),
            models.Index(fields=["state"], condition=UNFINISHED, name="clarion_event_unfinished"),
            models.Index(fields=["source", "recorded_at"], name="clarion_event_source"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.key}"

    @property
    def actor(self) -> Key | None:
        """The key of the user who caused the event."""
        return self.actor_id if self.actor_key is None else self.actor_key


class UsedKey(models.Model):
    """The idempotency key of an event that was purged, so that the same occurrence is not recorded again."""

    pk = models.CompositePrimaryKey("key", "name", "service")
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=120)
    service = models.CharField(max_length=64)
    event_id = models.BigIntegerField()
    digest = models.UUIDField(help_text="MD5 of the payload, as Postgres writes it")
    used_at = models.DateTimeField()

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_used_key"
        indexes: ClassVar = [models.Index(fields=["used_at"], name="clarion_used_key_age")]

    def __str__(self) -> str:
        return f"{self.name} {self.key}"


class Batch(Work):
    """At most a fixed number of recipients of one announcement, delivered by one task."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="batches")
    announcement_id = models.BigIntegerField()
    number = models.IntegerField()
    lane = models.CharField(max_length=16, db_default="bursts", help_text="The queue that it is delivered from")
    recipients = ArrayField(models.BigIntegerField())
    persisted_at = models.DateTimeField(null=True)
    stored = models.IntegerField(null=True, help_text="Notifications inserted; the rest were there from an earlier try")

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_batch"
        verbose_name_plural = "batches"
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at"], condition=DUE, name="clarion_batch_due"),
            models.Index(fields=["state"], condition=UNFINISHED, name="clarion_batch_unfinished"),
        ]

    def __str__(self) -> str:
        return f"batch {self.number} of event {self.event_id}"


class Pace(models.Model):
    """The rate of one actor and kind with a limit: the time by which its events so far fit the limit."""

    pk = models.CompositePrimaryKey("actor_id", "kind")
    actor_id = models.BigIntegerField()
    kind = models.CharField(max_length=64)
    reserved_until = models.DateTimeField()

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_pace"
        indexes: ClassVar = [models.Index(fields=["reserved_until"], name="clarion_pace_age")]

    def __str__(self) -> str:
        return f"{self.kind} of user {self.actor_id}"


class Retention(models.Model):
    """The progress of a step of the retention; the row without a name is the lease of the current slice."""

    step = models.CharField(max_length=32, primary_key=True)
    position = models.BigIntegerField(db_default=0)
    under_way = models.BooleanField(db_default=False)
    finished_at = models.DateTimeField(null=True)
    whole_at = models.DateTimeField(null=True, help_text="When it last began at its beginning")
    leased_until = models.DateTimeField(null=True)

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_retention"

    def __str__(self) -> str:
        return self.step or "lease"


class Pause(models.Model):
    """A kind whose delivery is stopped until an operator resumes it."""

    kind = models.CharField(max_length=64, primary_key=True)
    paused_at = models.DateTimeField(db_default=Now())
    paused_by = models.CharField(max_length=150, blank=True, db_default="")

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_pause"

    def __str__(self) -> str:
        return self.kind


class Sample(models.Model):
    """The state at one point in time, for the charts of the dashboard (dashboard/sampling.py). Kept for a day."""

    at = models.DateTimeField(db_default=Now(), primary_key=True)
    data = models.JSONField()

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_sample"
        verbose_name = "sample of health"
        verbose_name_plural = "health"
        permissions: ClassVar = [("drain_edge", "Can have an edge say goodbye to its sockets, or take sockets again")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
