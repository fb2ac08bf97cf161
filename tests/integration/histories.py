"""Random histories of a few inboxes, and a model of a client that they are checked against.

`Actions` does one random thing at a time: deliver, collapse, read, see, delete, roll back, purge, erase. `Client`
follows docs/protocol.md: a snapshot, and the frames after its cursor.
"""

import json
import random
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from clarion.pipeline import delivery, retention
from clarion.pipeline.inbox import marking, personal, snapshots
from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.outbox.recording import record
from clarion.pipeline.persons import key_type
from clarion.shared.inbox.frames import frame_of
from clarion.shared.inbox.queries import HEAD_WIDTH, UNSEEN_MAX, Head, LogRow, log_after_sql
from tests.integration.things import ThingHappened

TOPICS = ("tests.place:1", "tests.place:2")
KINDS = ("FIRST", "GATHERED", "FLEETING")
#: More than a history has.
ALL = 100_000

#: Fields of frames that are not the notification's.
_OF_THE_FRAME = ("type", "unread", "quiet", "modified")
#: Names that an erasure removes from stored notifications, while a client keeps its frames.
_NAMES = ("actor", "actors")


#: Makes the oldest part of a table older. Rows in use are left out, so that this waits for no action of the product.
_AGED = tuple(
    f"""
UPDATE {table} SET created_at = created_at - make_interval(days => %(days)s) WHERE ctid IN (
    SELECT ctid FROM {table}
     WHERE {oldest} <= (SELECT percentile_disc(%(part)s) WITHIN GROUP (ORDER BY {oldest}) FROM {table})
       FOR UPDATE SKIP LOCKED)
"""
    for table, oldest in (("clarion_announcement", "id"), ("clarion_change", "created_at"))
)


@dataclass
class Actions:
    """One thread's actions on the inboxes of `people`; `alone` says that no other thread acts on them."""

    random: random.Random
    people: Sequence[User]
    alone: bool = True
    erased: set[int] = field(default_factory=set)
    did: list[str] = field(default_factory=list)

    def act(self) -> None:
        """Do something, and note its name."""
        weights = {
            self.deliver: 40, self.work: 15, self.mark: 20, self.remove: 6, self.read_through: 10, self.see: 8,
            self.purge: 6, self.erase: 2,
        }  # fmt: skip
        (action,) = self.random.choices(list(weights), list(weights.values()))
        self.did.append(action.__name__)
        action()

    def deliver(self) -> None:
        """Record an event, perhaps in a transaction that is rolled back, and expand it."""
        gathered = self.random.random() < 0.5
        event = ThingHappened(
            first=() if gathered else self._some(),
            gathered=self._some() if gathered else (),
            fleeting=self._some() if self.random.random() < 0.2 else (),
            topic=self.random.choice(TOPICS),
        )
        actor = self.random.choice([None, *(person.pk for person in self.people)])
        self._perhaps_rolled_back(lambda: record(event, key=uuid.uuid4().hex, actor_id=actor))
        self._expand()

    def work(self) -> None:
        """Follow a hint, as often as brokers repeat them."""
        self._expand()
        waiting = Batch.objects.filter(state="pending").order_by("?").values_list("pk", flat=True)[:2]
        for batch_id in waiting:
            for again in self.random.choice([(False,), (False, True)]):
                delivery.deliver(batch_id, again=again)

    def mark(self) -> None:
        """Mark a notification read or unread."""
        user, read = self._user(), self.random.random() < 0.6
        self._with_one_of(user, lambda name: marking.mark_read(user, name, read=read))

    def remove(self) -> None:
        """Delete a notification."""
        user = self._user()
        self._with_one_of(user, lambda name: marking.delete(user, name))

    def read_through(self) -> None:
        """Read all, up to a seq, of a topic, of a kind."""
        user = self._user()
        through = self.random.choice([None, self.random.randint(0, snapshots.newest(user, limit=1).head.seq + 1)])
        topic = self.random.choice([None, None, *TOPICS])
        kind = self.random.choice([None, None, *KINDS])
        self._perhaps_rolled_back(lambda: marking.read_through(user, through=through, topic=topic, kind=kind))

    def see(self) -> None:
        """Mark all as seen, or those up to a seq, which may lie below or beyond those that exist."""
        user = self._user()
        through = self.random.choice([None, self.random.randint(0, snapshots.newest(user, limit=1).head.seq + 1)])
        self._perhaps_rolled_back(lambda: marking.mark_seen(user, through=through))

    def purge(self) -> None:
        """Let some rows become old, from the oldest on, and remove them."""
        days, part = self.random.choice([2, 100]), self.random.random()
        with connection.cursor() as cursor:
            for sql in _AGED:
                cursor.execute(sql, {"days": days, "part": part})
        retention.purge()

    def erase(self) -> None:
        """Erase a person."""
        user = self._user()
        self.erased.add(user)
        personal.erase(user)

    def _expand(self) -> None:
        for event_id in Event.objects.filter(state="pending").order_by("?").values_list("pk", flat=True)[:2]:
            delivery.expand(event_id, again=self.random.random() < 0.1)

    def _user(self) -> int:
        return self.random.choice(self.people).pk

    def _some(self) -> tuple[int, ...]:
        return tuple(person.pk for person in self.random.sample(self.people, self.random.randint(1, len(self.people))))

    def _with_one_of(self, user: int, change: Callable[[int], object]) -> None:
        shown = {int(one["notificationId"]): one for one in snapshots.newest(user, limit=ALL).notifications}
        name = self.random.choice([*shown, 0, 10**9])
        if self.alone:
            assert snapshots.one(user, name) == shown.get(name)
        try:
            self._perhaps_rolled_back(lambda: change(name))
        except marking.NoSuchNotification:
            if self.alone and name in shown:
                raise

    def _perhaps_rolled_back(self, change: Callable[[], object]) -> None:
        """Make the change as callers do: by itself, or in a transaction or a savepoint that ends well or does not."""
        way = self.random.choice(["alone", "alone", "commit", "roll back", "savepoint", "savepoint rolled back"])
        if way == "alone":
            change()
            return
        with transaction.atomic():
            if way.startswith("savepoint"):
                with transaction.atomic():
                    change()
                    transaction.set_rollback(way == "savepoint rolled back")
            else:
                change()
                transaction.set_rollback(way == "roll back")


def work_off(actions: Actions) -> None:
    """Do all that waits, as workers do in the end."""
    for _ in range(100):
        if not Event.objects.filter(state="pending").exists() and not Batch.objects.filter(state="pending").exists():
            return
        actions.work()
    raise AssertionError("work is left over")


@dataclass
class Client:
    """A client: the notifications that it shows, by id, and how far it is."""

    user: int
    head: Head
    shown: dict[str, dict[str, Any]]
    seen: int

    @property
    def unseen(self) -> int:
        """The number of unread notifications above the seq that was seen, as the head of the inbox counts them."""
        unseen = sum(not one["isRead"] and one["seq"] > self.seen for one in self.shown.values())
        return min(unseen, UNSEEN_MAX)

    @classmethod
    def fresh(cls, user: int) -> "Client":
        """Return a client that has just read the snapshot."""
        page = snapshots.newest(user, limit=ALL)
        return cls(user, page.head, {one["notificationId"]: dict(one) for one in page.notifications}, page.head.seen)

    def resume(self, limit: int, page: int = ALL) -> None:
        """Read the missed changes, page by page; or a new snapshot if the log does not lead to the head."""
        while True:
            head, frames = replay(self.user, self.head.seq, limit, page)
            if not frames:
                if head.seq != self.head.seq:
                    self.__dict__.update(self.fresh(self.user).__dict__)
                return
            seqs = [frame["seq"] for frame in frames]
            upto = min(head.seq, self.head.seq + page)
            assert seqs == list(range(self.head.seq + 1, upto + 1)), f"a hole after {self.head.seq}: {seqs}"
            assert {frame["unread"] for frame in frames} == {head.unread}
            assert {frame.get("unseen", head.unseen) for frame in frames} == {head.unseen}
            self.apply(frames)
            self.head = replace(head, seq=seqs[-1])

    def apply(self, frames: Iterable[Mapping[str, Any]]) -> None:
        """Apply frames, as docs/protocol.md says."""
        for frame in frames:
            match frame["type"]:
                case "NOTIFICATION_CREATED":
                    self._show(frame)
                case "NOTIFICATION_UPDATED" if "notificationType" in frame:
                    self._show(frame)
                case "NOTIFICATION_UPDATED":
                    if frame["notificationId"] in self.shown:
                        self.shown[frame["notificationId"]]["isRead"] = frame["isRead"]
                case "NOTIFICATION_DELETED":
                    self.shown.pop(frame["notificationId"], None)
                case "NOTIFICATIONS_READ":
                    for one in self.shown.values():
                        if (
                            one["seq"] <= frame["through"]
                            and frame["topic"] in (None, one["topic"])
                            and frame["notificationType"] in (None, one["notificationType"])
                        ):
                            one["isRead"] = True
                case "INBOX_SEEN":
                    self.seen = max(self.seen, frame["through"])
                case unknown:
                    raise AssertionError(unknown)

    def _show(self, frame: Mapping[str, Any]) -> None:
        self.shown[frame["notificationId"]] = {k: v for k, v in frame.items() if k not in _OF_THE_FRAME}

    def differs(self, other: "Client", *, erased: bool) -> list[str]:
        """Return the differences from a fresh client. Read notifications that were purged may still be shown here."""
        ignored = _NAMES if erased else ()
        found = [
            f"{name}: {mine} instead of {theirs}"
            for name in ("seen", "unseen")
            if (mine := getattr(self, name)) != (theirs := getattr(other, name))
        ]
        for name in sorted({*self.shown, *other.shown}, key=int):
            mine, theirs = self.shown.get(name), other.shown.get(name)
            if theirs is None and mine is not None and mine["isRead"]:
                continue
            if mine is None or theirs is None:
                found.append(f"{name}: {mine} instead of {theirs}")
                continue
            wrong = [key for key in {*mine, *theirs} - {*ignored} if mine.get(key) != theirs.get(key)]
            found += [f"{name}.{key}: {mine.get(key)!r} instead of {theirs.get(key)!r}" for key in sorted(wrong)]
        return found


def replay(user: int, after: int, limit: int = ALL, page: int = ALL) -> tuple[Head, list[dict[str, Any]]]:
    """Return the head of an inbox and a page of the frames after a cursor, as an edge reads them."""
    with connection.cursor() as cursor:
        cursor.execute(log_after_sql(key_type()), {"user_id": user, "after": after, "limit": limit, "page": page})
        rows = cursor.fetchall()
    head = Head(*rows[0][:HEAD_WIDTH])
    frames = []
    for row in rows:
        values = list(row[HEAD_WIDTH:])
        if values[0] is None:
            continue
        log_row = LogRow(*values)
        for name in ("actors", "data"):  # Django's cursor leaves jsonb as text
            if isinstance(text := getattr(log_row, name), str):
                object.__setattr__(log_row, name, json.loads(text))
        frames.append(json.loads(frame_of(log_row, head.unread, head.unseen)))
    return head, frames
