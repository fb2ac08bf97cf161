"""Delivers the events of a test in the test's own transaction, and asserts who was notified.

Input: the events that were recorded within a block. Output: the notifications that they led to, as values. They are
stored as a worker would store them, in the database of the test.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, overload

from django.db import connection
from django.db.models import Max, QuerySet

from ..pipeline import delivery, persons
from ..pipeline.outbox.models import Batch, Event
from ..shared.inbox.models import Notification
from .isolation import is_working_inline, isolated

#: Notifications, and events, that the message of a failed assertion shows.
SHOWN = 50


class NotDelivered(AssertionError):
    """An event could not be delivered; the cause is chained."""


@dataclass(frozen=True, slots=True)
class Received:
    """One notification: `user_id` and `actor_id` are primary keys of the user model, as text if they are UUIDs."""

    user_id: int | str
    kind: str
    data: Mapping[str, Any]
    topic: str | None = None
    actor_id: int | str | None = None
    quiet: bool = False
    message_id: str | None = None
    conversation_id: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} to {self.user_id}: {dict(self.data)}"


@dataclass(eq=False)
class Delivered(Sequence[Received]):
    """The notifications of the events that were recorded since a block began, in their order.

    Reading it within the block delivers the events that were recorded until then; after the block it does not change.
    Notifications of the factories are not among them.
    """

    _after: int
    _handled: set[int] = field(default_factory=set)
    _of_factories: set[int] = field(default_factory=set)
    _ended: bool = False

    def run(self) -> None:
        """Deliver the events that were recorded since; raise NotDelivered if one fails."""
        while events := list(self._recorded().exclude(pk__in=self._handled)):
            if _is_in_transaction():
                raise NotDelivered(
                    "a transaction is open, and delivery needs transactions of its own: end the block of `deliver()`, "
                    "and read its result, outside of `transaction.atomic()`"
                )
            for event in events:
                self._handled.add(event.pk)
                try:
                    delivery.expand(event.pk)
                    for batch_id in Batch.objects.filter(event=event).order_by("pk").values_list("pk", flat=True):
                        delivery.deliver(batch_id)
                except Exception as error:
                    raise NotDelivered(f"the event {event.name} with the key {event.key!r} failed: {error}") from error

    def _recorded(self) -> QuerySet[Event]:
        events = Event.objects.filter(pk__gt=self._after).exclude(pk__in=self._of_factories).order_by("pk")
        # After the block nothing more is delivered, because isolation has ended too.
        return events.filter(pk__in=self._handled) if self._ended else events

    @property
    def recorded(self) -> list[str]:
        """One line for each event: its name, key, state and number of recipients."""
        return [
            f"{event.name} with the key {event.key!r}: {event.state}, {event.recipients or 0} recipients"
            for event in self._recorded()
        ]

    @property
    def all(self) -> list[Received]:
        """All of them."""
        self.run()
        rows = (
            Notification.objects.filter(event_id__in=self._handled)
            .order_by("event_id", "announcement_id", "recipient_id")
            .select_related("announcement")
        )
        found = list(rows)
        actors = {row.announcement.actor_id for row in found if row.announcement.actor_id is not None}
        keys = persons.keys_of(actors | {row.recipient_id for row in found})
        return [
            Received(
                keys[row.recipient_id],
                row.announcement.kind,
                row.announcement.data,
                row.announcement.topic,
                None if row.announcement.actor_id is None else keys.get(row.announcement.actor_id),
                bool(row.quiet),
                row.announcement.message_id,
                row.announcement.conversation_id,
            )
            for row in found
        ]

    @overload
    def __getitem__(self, index: int) -> Received: ...
    @overload
    def __getitem__(self, index: slice) -> list[Received]: ...
    def __getitem__(self, index: int | slice) -> Received | list[Received]:
        return self.all[index]

    def __iter__(self) -> Iterator[Received]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)


#: Results of the blocks that have not ended.
_open: list[Delivered] = []


def leave_out(event_id: int) -> None:
    """Leave the event of a factory out of the results of all open blocks."""
    for delivered in _open:
        delivered._of_factories.add(event_id)


@contextmanager
def deliver() -> Iterator[Delivered]:
    """Deliver the events that are recorded within this block, at its end and whenever the result is read.

    It works in `TestCase`, `TransactionTestCase` and tests of pytest-django, with nothing running but Postgres. No
    message leaves the process, except beside a `live_edge`, where frames are pushed as well. Raises NotDelivered for an
    event that fails, for example in its audience.
    """
    with nullcontext() if is_working_inline() else isolated():
        delivered = Delivered(Event.objects.aggregate(newest=Max("pk"))["newest"] or 0)
        _open.append(delivered)
        try:
            yield delivered
            delivered.run()
        finally:
            delivered._ended = True
            _open.remove(delivered)


def assert_notified(
    delivered: Sequence[Received], user: Any, kind: str, *, data: Mapping[str, Any] | None = None, times: int = 1
) -> None:
    """Assert that this user, or the user with this primary key, has notifications of the kind, `times` of them.

    `data`: fields that their data must have, besides others.
    """
    __tracebackhide__ = True
    found = _of(delivered, user, kind, data)
    if len(found) != times:
        raise AssertionError(f"{_expected(user, kind, data)} {times} times, but {len(found)} times.\n{_all(delivered)}")


def assert_not_notified(
    delivered: Sequence[Received], user: Any, kind: str | None = None, *, data: Mapping[str, Any] | None = None
) -> None:
    """Assert that this user has no notification, or none of the kind and with the data that are given."""
    __tracebackhide__ = True
    if _of(delivered, user, kind, data):
        raise AssertionError(f"{_expected(user, kind or 'any kind', data)} never, but was.\n{_all(delivered)}")


def _of(delivered: Sequence[Received], user: Any, kind: str | None, data: Mapping[str, Any] | None) -> list[Received]:
    key = _key_of(user)
    return [
        one
        for one in delivered
        if one.user_id == key and kind in (None, one.kind) and (data or {}).items() <= {**one.data}.items()
    ]


def _key_of(user: Any) -> int | str:
    return persons.key_of(getattr(user, "pk", user))


def _expected(user: Any, kind: str, data: Mapping[str, Any] | None) -> str:
    return f"Expected that {user} is notified of {kind}{f' with {dict(data)}' if data else ''}"


def _all(delivered: Sequence[Received]) -> str:
    parts = _listed("Delivered were:", [str(one) for one in delivered]) or ["Nothing was delivered."]
    if isinstance(delivered, Delivered):
        parts += _listed("Recorded were:", delivered.recorded) or ["No event was recorded."]
    return "\n".join(parts)


def _listed(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    more = [f"  … and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return [title, *(f"  {line}" for line in lines[:SHOWN]), *more]


def _is_in_transaction() -> bool:
    """Return whether a transaction is open other than that of a TestCase, which Django allows durable ones within."""
    blocks: Sequence[Any] = connection.atomic_blocks
    return bool(blocks) and not blocks[-1]._from_testcase
