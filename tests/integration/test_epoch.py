"""A new timeline of Postgres begins a new epoch before anything is stored; the first one that is seen does not."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from clarion.pipeline import delivery
from clarion.pipeline.inbox import marking, personal, snapshots
from clarion.pipeline.outbox.models import Batch
from clarion.shared.inbox.models import Epoch
from clarion.shared.settings import get_settings
from tests.integration.conftest import Frames
from tests.integration.steps import at_once, happened

pytestmark = pytest.mark.django_db(transaction=True)


def promoted() -> None:
    """The epoch was written on another timeline than that of Postgres now."""
    Epoch.objects.update_or_create(id=1, defaults={"value": "before", "timeline": "0000007A"})


def deliver_a_batch(person: User) -> None:
    delivery.deliver(Batch.objects.get(state="pending").pk)


WRITERS: dict[str, Callable[[User], object]] = {
    "expand": lambda person: delivery.expand(happened("two", first=[person])),
    "deliver": deliver_a_batch,
    "mark_read": lambda person: marking.mark_read(person.pk, 1, read=True),
    "delete": lambda person: marking.delete(person.pk, 1),
    "read_through": lambda person: marking.read_through(person.pk),
    "erase": lambda person: personal.erase(person.pk),
}


@pytest.fixture
def person(people: list[User], monkeypatch: pytest.MonkeyPatch) -> User:
    """A user with a notification, and a batch that was not delivered."""
    delivery.expand(happened("one", first=people[:1]))
    with monkeypatch.context() as patch:
        patch.setattr("clarion.pipeline.fanout.get_settings", _nothing_inline)
        delivery.expand(happened("waits", first=people[:1]))
    return people[0]


def _nothing_inline() -> object:
    return get_settings().model_copy(update={"deliver_at_once": 0})


@pytest.mark.parametrize("name", WRITERS)
def test_new_epoch_after_promotion(person: User, published: Frames, name: str) -> None:
    """Each writer begins a new epoch after a promotion.

    Its own frame is of the new epoch, so a socket of the old one does not pass it on.
    """
    assert Epoch.objects.get().value == "0"
    promoted()
    WRITERS[name](person)
    epoch = Epoch.objects.get()
    assert epoch.value not in ("0", "before")
    assert epoch.timeline == "00000001"
    assert snapshots.newest(person.pk, limit=1).head.epoch == epoch.value
    if name != "deliver":
        delivery.deliver(Batch.objects.get(state="pending").pk)
    assert Epoch.objects.get().value == epoch.value


def test_first_timeline(people: list[User]) -> None:
    """The first timeline that is seen keeps the epoch."""
    Epoch.objects.create(id=1, value="restored", timeline=None)
    delivery.expand(happened("one", first=people[:1]))
    assert Epoch.objects.values_list("value", "timeline").get() == ("restored", "00000001")


def test_concurrent_writers_after_promotion(people: list[User]) -> None:
    """Concurrent writers begin one common epoch and do not deadlock."""
    for number in range(3):
        delivery.expand(happened(f"before {number}", first=people))
    for round_ in range(5):
        promoted()
        epochs = _epochs_seen(people, [happened(f"{round_} {number}", first=people) for number in range(4)])
        assert len(epochs) == 1
        assert "before" not in epochs


def _epochs_seen(people: list[User], events: list[int]) -> set[str]:
    epochs: list[str] = []

    def expand(mine: list[int]) -> None:
        for event_id in mine:
            delivery.expand(event_id)
        epochs.append(Epoch.objects.get().value)

    reading_all = (lambda person=person: marking.read_through(person.pk) for person in people[:2])
    at_once(lambda: expand(events[:2]), lambda: expand(events[2:]), *reading_all)
    return set(epochs)


def test_new_epoch_in_callers_transaction(person: User) -> None:
    """An action inside a caller's transaction begins a new epoch too."""
    promoted()
    with transaction.atomic():
        assert marking.mark_read(person.pk, 1, read=True).seq == 2
    assert Epoch.objects.get().value != "before"


def test_unknown_timeline(people: list[User]) -> None:
    """A server that hides its timeline keeps its epoch.

    Some managed servers do: then an operator runs `new_epoch` after a failover.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'clarion_timeline'")
        (body,) = cursor.fetchone()
        cursor.execute("CREATE OR REPLACE FUNCTION clarion_timeline() RETURNS text LANGUAGE sql AS 'SELECT NULL::text'")
        try:
            delivery.expand(happened("one", first=people[:1]))
            marking.read_through(people[0].pk)
            assert Epoch.objects.filter(value="0").exists() or not Epoch.objects.exists()
        finally:
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION clarion_timeline() RETURNS text LANGUAGE plpgsql STABLE AS $${body}$$"
            )
