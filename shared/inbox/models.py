"""The tables of the inbox.

`pipeline/persist.py` and `pipeline/inbox/` write them. They have few indexes on purpose: with two on Notification,
delivery reaches half of the rate at which Postgres can insert at all; with four it would be a third or less.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ..array_field import ArrayField
from ..primary import PrimaryManager
from .queries import NAME_MAX_LENGTH


class Announcement(models.Model):
    """The content of a notification, shared by all recipients of one audience of an event."""

    event_id = models.BigIntegerField()
    kind = models.CharField(max_length=64)
    actor_id = models.BigIntegerField(null=True)
    actor_username = models.CharField(max_length=NAME_MAX_LENGTH, null=True)
    topic = models.CharField(max_length=200, null=True)
    data = models.JSONField(default=dict)
    message_id = models.CharField(max_length=64, null=True)
    conversation_id = models.CharField(max_length=64, null=True)
    traceparent = models.CharField(max_length=64, null=True)
    created_at = models.DateTimeField()

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_announcement"
        constraints: ClassVar = [models.UniqueConstraint(fields=["event_id", "kind"], name="clarion_one_kind_an_event")]
        # Counts the recent events of an actor, for kinds with a limit.
        indexes: ClassVar = [models.Index(fields=["actor_id", "kind", "created_at"], name="clarion_told_by_actor")]

    def __str__(self) -> str:
        return f"{self.kind} of event {self.event_id}"


class Notification(models.Model):
    """One recipient's copy of an announcement: a thin row, identified by its seq in the recipient's inbox.

    `deleted_at` leaves a tombstone, so that the log keeps its seqs until it is purged. `quiet`: it came in a storm,
    and should not be shown as a toast. It is read if `read_at` is set, or if its seq is at most the `read_floor` of the
    inbox and it was not marked as `unread_again` (see `queries.read_sql`).

    Of a kind that collapses, several rows are one notification. The first gives it its name, the newest its place,
    content, count and read state; `first` of every later row is the seq of the first, and `replaced_by` of the first
    that of the newest, of any other that of the row after it. Rows without `replaced_by` are shown.
    """

    pk = models.CompositePrimaryKey("recipient_id", "seq")
    recipient_id = models.BigIntegerField()
    seq = models.BigIntegerField()
    announcement = models.ForeignKey(
        Announcement, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="notifications"
    )
    event_id = models.BigIntegerField()
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    unread_again = models.BooleanField(null=True)
    deleted_at = models.DateTimeField(null=True)
    quiet = models.BooleanField(null=True)
    first = models.BigIntegerField(null=True)
    replaced_by = models.BigIntegerField(null=True)
    count = models.IntegerField(null=True)
    actors = models.JSONField(null=True)
    actor_count = models.IntegerField(null=True)

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_notification"
        # The event leads: with the recipient first the planner nests a scan into the dedupe of a large batch.
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event_id", "recipient_id"], name="clarion_once_an_event")
        ]
        # Holds the few that reading all has to find one by one; costs an insert nothing.
        indexes: ClassVar = [
            models.Index(
                fields=["recipient_id", "seq"], condition=models.Q(unread_again=True), name="clarion_unread_again"
            )
        ]

    def __str__(self) -> str:
        return f"notification {self.seq} of user {self.recipient_id}"


class Change(models.Model):
    """One action on an inbox: one row and one frame, also where it changed many notifications."""

    class Action(models.TextChoices):
        """The actions, with their fields in brackets."""

        READ = "read"  # [notification]
        UNREAD = "unread"  # [notification]
        READ_THROUGH = "read_through"  # [through, topic, kind]
        DELETED = "deleted"  # [notification]
        SEEN = "seen"  # [through]

    pk = models.CompositePrimaryKey("recipient_id", "seq")
    recipient_id = models.BigIntegerField()
    seq = models.BigIntegerField()
    action = models.CharField(max_length=16, choices=Action.choices)
    notification = models.BigIntegerField(null=True)
    through = models.BigIntegerField(null=True)
    topic = models.CharField(max_length=200, null=True)
    kind = models.CharField(max_length=64, null=True)
    created_at = models.DateTimeField()

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_change"
        indexes: ClassVar = [models.Index(fields=["created_at"], name="clarion_change_by_age")]

    def __str__(self) -> str:
        return f"change {self.seq} of user {self.recipient_id}: {self.action}"


class Collapse(models.Model):
    """The notification of one user, kind and topic into which the next of that kind and topic collapses.

    It does while the row `latest` is unread; otherwise the next one begins anew. Read and written under the lock of
    the user's inbox.
    """

    pk = models.CompositePrimaryKey("recipient_id", "kind", "topic")
    recipient_id = models.BigIntegerField()
    kind = models.CharField(max_length=64)
    topic = models.CharField(max_length=200)
    first = models.BigIntegerField()
    latest = models.BigIntegerField()
    count = models.IntegerField()
    actors = models.JSONField()
    actor_ids = ArrayField(models.BigIntegerField())

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_collapse"

    def __str__(self) -> str:
        return f"{self.kind} in {self.topic} of user {self.recipient_id}"


class Person(models.Model):
    """The number of a user's inbox, if the primary key of the user model is a UUID or a text.

    With integer keys the key is the number, and the table stays empty. `key` is the app's own, in one form (see
    user_keys.py). It can change (`manage.py clarion rekey`), and the number cannot.
    """

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(db_collation="C")

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_person"
        constraints: ClassVar = [models.UniqueConstraint(fields=["key"], name="clarion_one_number_a_key")]

    def __str__(self) -> str:
        return self.key


class Inbox(models.Model):
    """The head of one user's log. A transaction that adds to the log locks this row and takes the next seq.

    Below `floor` the log has been purged: a cursor there cannot be resumed. Up to `seen` the user has seen it. Up to
    `read_floor` all notifications were marked as read at once, so that reading all changes one row. The table has a
    fill factor below 100 (see the first migration), so that its many updates stay on their page and need no index
    entry.
    """

    user_id = models.BigIntegerField(primary_key=True)
    key = models.TextField(null=True, db_collation="C", help_text="A copy of the person's, so that frames need no join")
    seq = models.BigIntegerField(db_default=0)
    unread = models.IntegerField(db_default=0)
    floor = models.BigIntegerField(db_default=0)
    seen = models.BigIntegerField(db_default=0)
    read_floor = models.BigIntegerField(db_default=0)
    window_at = models.DateTimeField(null=True, help_text="When the window began in which window_count are counted")
    window_count = models.IntegerField(db_default=0)
    not_before = models.DateTimeField(null=True, help_text="Tokens issued earlier are revoked")

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_inbox"
        verbose_name_plural = "inboxes"

    def __str__(self) -> str:
        return f"inbox of user {self.user_id}"


class Mute(models.Model):
    """What a user does not want to hear: a kind, a topic, or a kind within a topic."""

    user_id = models.BigIntegerField()
    kind = models.CharField(max_length=64, null=True, blank=True)
    topic = models.CharField(max_length=200, null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_mute"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user_id", "kind", "topic"], name="clarion_mute_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=models.Q(kind__isnull=False) | models.Q(topic__isnull=False), name="clarion_mute_says_what"
            ),
        ]

    def __str__(self) -> str:
        return f"mute of user {self.user_id}: {self.kind or 'any kind'} in {self.topic or 'any topic'}"


class Epoch(models.Model):
    """The one row that names the current history of all inboxes; `value` changes after a backup was restored.

    It changes too when Postgres is on another timeline than `timeline`: a standby was promoted (see pipeline/epoch.py).
    Without a row the epoch is "0" (see `queries.EPOCH`).
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    value = models.CharField(max_length=32)
    timeline = models.CharField(max_length=8, null=True)

    objects: ClassVar = PrimaryManager()

    class Meta:
        db_table = "clarion_epoch"
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="clarion_one_epoch")]

    def __str__(self) -> str:
        return self.value
