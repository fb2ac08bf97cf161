"""One setting names the column for the names of users, in notifications, for operators and on the edge."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import models

from clarion.pipeline import checks, delivery, names
from clarion.pipeline.outbox.models import Event
from clarion.pipeline.outbox.recording import record
from clarion.shared import user_model
from clarion.shared.inbox.models import Announcement
from clarion.shared.inbox.queries import NAME_MAX_LENGTH
from clarion.shared.settings import get_settings
from clarion.shared.user_keys import KeyType
from tests.factories import UserFactory
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db

Choose = Callable[[str], None]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Iterator[Choose]:
    """Set CLARION_USERNAME_COLUMN."""
    names.actor_sql.cache_clear()

    def to(column: str) -> None:
        settings = get_settings().model_copy(update={"username_column": column})
        for module in (user_model, checks):
            monkeypatch.setattr(module, "get_settings", lambda: settings)
        names.actor_sql.cache_clear()

    yield to
    names.actor_sql.cache_clear()


@pytest.fixture
def anna() -> User:
    email = "l" * 60 + "@" + ".".join(["x" * 40] * 4) + ".example.org"
    return UserFactory.create(username="anna@example.org", first_name="Anna", last_name="", email=email)


def name_sent(actor_id: int) -> str | None:
    event = ThingHappened(first=(UserFactory.create().pk,))
    event_id = record(event, key=f"{actor_id}", actor_id=actor_id)
    delivery.expand(event_id)
    assert Event.objects.get(pk=event_id).state == "done"
    return Announcement.objects.get().actor_username


@pytest.mark.parametrize(
    "column, name",
    [
        ("username", "anna@example.org"),
        ("first_name", "Anna"),
        ("last_name", None),  # empty
        ("", None),
        ("nickname", None),  # no such column; W007 warns
        ("date_joined", "2030-01-01 00:00:00+00"),
    ],
)
def test_actor_name_column(choose: Choose, anna: User, column: str, name: str | None) -> None:
    """The name of the actor comes from the configured column."""
    User.objects.filter(pk=anna.pk).update(date_joined="2030-01-01T00:00:00Z")
    choose(column)
    assert name_sent(anna.pk) == name


def test_overlong_actor_name(choose: Choose, anna: User) -> None:
    """Too long a name is truncated, and its event is delivered."""
    assert len(anna.email) > NAME_MAX_LENGTH
    choose("email")
    assert name_sent(anna.pk) == anna.email[:NAME_MAX_LENGTH]
    assert names.shown(anna) == anna.email[:NAME_MAX_LENGTH]


def test_operator_name(choose: Choose, anna: User) -> None:
    """Operators are shown by the configured column, or by their user id."""
    choose("first_name")
    assert names.shown(anna) == "Anna"
    choose("")
    assert names.shown(anna) == f"user {anna.pk}"


def test_inherited_user_model(choose: Choose, monkeypatch: pytest.MonkeyPatch) -> None:
    """With multi-table inheritance the name is read from the parent's table."""

    class Member(User):
        class Meta:
            app_label = "tests"

    assert isinstance(Member._meta.pk, models.OneToOneField)
    choose("first_name")
    monkeypatch.setattr(user_model, "get_user_model", lambda: Member)
    assert user_model.supported_type() is KeyType.INTEGER
    assert '"auth_user" u WHERE u."id" = ' in names.actor_sql()
