"""Audiences as applications write them: odd values are stored, impossible ones are refused with the reason."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.functional import lazystr

from clarion.pipeline import audiences as declared
from clarion.pipeline import delivery
from clarion.pipeline.audiences import Audience
from clarion.pipeline.errors import InvalidAudience
from clarion.pipeline.inbox import snapshots
from clarion.pipeline.json_values import DATA_MAX_BYTES
from clarion.pipeline.outbox.models import Event
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Notification
from examples.forum.models import Message, Thread
from tests.integration.conftest import Frames
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)

Expand = Callable[..., None]


@pytest.fixture
def expand(monkeypatch: pytest.MonkeyPatch) -> Expand:
    """Record an event and expand it to these audiences; each is made by the function of the application."""

    def expand(*make: Callable[[], Audience]) -> None:
        monkeypatch.setitem(declared._declared, ThingHappened, lambda event: [one() for one in make])
        delivery.expand(record(ThingHappened(), key=uuid.uuid4().hex))

    return expand


def recipients() -> list[int]:
    return list(Notification.objects.order_by("recipient_id").values_list("recipient_id", flat=True))


def test_odd_values_delivered(people: list[User], expand: Expand, published: Frames) -> None:
    """Values of Django and malformed text are delivered, equal in the frame and the snapshot."""
    data = {
        "price": Decimal("1.50"),
        "name": lazystr("later"),
        "id": uuid.UUID(int=7),
        "ratio": float("nan"),
        "n": "\x00",
    }
    who = User.objects.filter(pk=people[0].pk).values_list("pk")
    expand(lambda: Audience("FIRST", who, data, topic="half \ud83d", message_id="", conversation_id="c\x00"))
    ((_, frame),) = published()
    assert frame["data"] == {
        "price": "1.50", "name": "later", "id": "00000000-0000-0000-0000-000000000007", "ratio": None, "n": "\ufffd"
    }  # fmt: skip
    (item,) = snapshots.newest(people[0].pk, limit=5).notifications
    assert item["data"] == frame["data"]
    assert (item["topic"], item["messageId"], item["conversationId"]) == ("half \ufffd", None, "c\ufffd")


def users(**which: Any) -> Any:
    return User.objects.filter(**which).values_list("pk")


@pytest.mark.parametrize(
    "make,says",
    [
        (lambda: Audience("FIRST", [1, 2]), "FIRST: who is a list"),  # type: ignore[arg-type]
        (lambda: Audience("FIRST", User.objects), "FIRST: who is a UserManager"),  # type: ignore[arg-type]
        (lambda: Audience("FIRST", None), "FIRST: who is a NoneType"),  # type: ignore[arg-type]
        (lambda: Audience("FIRST", User.objects.using("other").values_list("pk")), "of the database 'other'"),
        (lambda: Audience("FIRST", users(), {"x": {1}}), "FIRST: data.x is a set"),
        (lambda: Audience("FIRST", users(), ["x"]), "FIRST: data is a list"),  # type: ignore[arg-type]
        (lambda: Audience("FIRST", users(), {"x": "y" * DATA_MAX_BYTES}), "at most 16,384 are possible"),
        (lambda: Audience("FIRST", users(), topic="t" * 201), "FIRST: topic has 201 characters; at most 200"),
        (lambda: Audience("FIRST", users(), message_id="m" * 65), "FIRST: message_id has 65 characters"),
        (lambda: Audience("K" * 65, users()), "kind has 65 characters; at most 64"),
        (lambda: Audience("", users()), "an audience needs a kind"),
        (lambda: Audience("FIRST", User.objects.values_list("pk", "username")), "has 2 columns"),
    ],
)
def test_impossible_audience(people: list[User], expand: Expand, make: Callable[[], Audience], says: str) -> None:
    """An impossible audience becomes a dead letter with the reason on the first attempt.

    Another attempt would fail in the same way.
    """
    with pytest.raises(InvalidAudience):
        expand(make)
    event = Event.objects.get()
    assert event.state == "failed"
    assert says in event.error
    assert not Notification.objects.exists()


def test_audience_with_distinct_on(people: list[User], expand: Expand) -> None:
    """An audience with DISTINCT ON keeps the order that decides its rows.

    Here it is the first author of each thread, though the rows were written newest first.
    """
    a, b, c, *_ = people
    thread = Thread.objects.create(title="t", author=a)
    for author, age in ((c, 1), (b, 2), (a, 3)):
        written = timezone.now() - timedelta(hours=age)
        Message.objects.create(thread=thread, author=author, body="x", origin="bot", created_at=written)
    who = Message.objects.order_by("thread", "created_at").distinct("thread").values_list("author")
    expand(lambda: Audience("FIRST", who))
    assert recipients() == [a.pk]


@pytest.mark.parametrize("sliced", ["ordered", "union", "distinct"])
def test_sliced_audience(people: list[User], expand: Expand, sliced: str) -> None:
    """A sliced audience keeps its order."""
    newest = User.objects.order_by("-pk").values_list("pk")
    who = {
        "ordered": newest[:1],
        "union": newest[:1].union(User.objects.filter(pk=-1).values_list("pk")),
        "distinct": newest.distinct()[:1],
    }[sliced]
    expand(lambda: Audience("FIRST", who))
    assert recipients() == [people[-1].pk]
