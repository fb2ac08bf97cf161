"""Guarantees of recording for keys, sources and payloads, for every sender."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pydantic import Field, SecretStr, computed_field, field_serializer

from clarion.pipeline import delivery, retention
from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.audiences import Audience, audiences_for
from clarion.pipeline.errors import InvalidEvent, KeyConflict, UndeclaredEvent
from clarion.pipeline.events import Event as Declaration
from clarion.pipeline.outbox.models import Event, UsedKey
from clarion.pipeline.outbox.recording import KEY_MAX_LENGTH, record, record_named
from clarion.shared.inbox.models import Notification
from clarion.shared.settings import Settings, get_settings
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)

NOTICE = "clarion.notice.given.v1"
BILLING, SEARCH = "b" * 40, "s" * 40


class OrderPlaced(Declaration, name="tests.order.placed.v1"):
    """A payload with every form that pydantic can read and write differently."""

    order: int = Field(alias="orderId")
    total: Decimal = Decimal(0)
    rate: float | None = None
    more: dict[str, Any] = Field(default_factory=dict)

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def doubled(self) -> int:
        return self.order * 2


seen: list[OrderPlaced] = []


@audiences_for(OrderPlaced)
def order_placed(event: OrderPlaced) -> list[Audience]:
    seen.append(event)
    return []


class NotReadable(Declaration, name="tests.not.readable.v1"):
    at: int

    @field_serializer("at")
    def written(self, at: int) -> str:
        return f"no. {at}"


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, valkey: str) -> dict[str, Client]:
    """Clients with the token of a service each; one has no name."""
    tokens = (SecretStr(f"billing={BILLING}"), SecretStr(f"search={SEARCH}"), SecretStr("u" * 40))
    known = get_settings().model_copy(update={"service_tokens": tokens})
    monkeypatch.setattr("clarion.pipeline.api.events.get_settings", lambda: known)
    by_name = {"billing": BILLING, "search": SEARCH, "unnamed": "u" * 40}
    return {name: Client(headers={"authorization": f"Bearer {token}"}) for name, token in by_name.items()}


def send(client: Client, *people: User, key: str = "order:17", **payload: Any) -> Any:
    body = {"name": NOTICE, "key": key, "payload": {"kind": "X", "recipients": [p.pk for p in people], **payload}}
    return client.post("/api/events", body, content_type="application/json")


def test_key_scope(people: list[User], services: dict[str, Client]) -> None:
    """A key is unique for each event name and sender.

    So no event swallows another one, and no service swallows an event of the web app or of another service.
    """
    ids = [
        record(NoticeGiven(kind="PLAIN", recipients=(people[0].pk,)), key="order:17"),
        record(ThingHappened(first=(people[1].pk,)), key="order:17"),
        *(send(client, people[n]).json()["event_id"] for n, client in enumerate(services.values(), 2)),
    ]
    assert len(set(ids)) == 5
    for event_id in ids:
        delivery.expand(event_id)
    assert set(Notification.objects.values_list("recipient_id", flat=True)) == {person.pk for person in people}
    assert list(Event.objects.order_by("pk").values_list("service", flat=True)) == [
        "", "", "billing", "search", "unnamed"
    ]  # fmt: skip


def test_key_conflict(people: list[User], services: dict[str, Client]) -> None:
    """Reusing a key with another payload is an error.

    The web app gets KeyConflict, a service 409. The order of fields and spaces do not matter.
    """
    first = record(NoticeGiven(kind="PLAIN", recipients=(1,), data={"a": 1, "b": 2}), key="k")
    assert record(NoticeGiven(kind="PLAIN", recipients=(1,), data={"b": 2, "a": 1}), key="k") == first
    with pytest.raises(KeyConflict, match=f"recorded as event {first} with another payload"):
        record(NoticeGiven(kind="PLAIN", recipients=(2,), data={"a": 1, "b": 2}), key="k")
    assert issubclass(KeyConflict, InvalidEvent)
    assert send(services["billing"], people[0]).status_code == 202
    assert send(services["billing"], people[0]).status_code == 202
    answer = send(services["billing"], people[1])
    assert (answer.status_code, "another payload" in answer.json()["detail"]) == (409, True)


def test_key_outlives_event(people: list[User]) -> None:
    """A key is remembered for a year, longer than its event.

    A row that is saved again after the outbox's retention causes no second notification.
    """
    notice = NoticeGiven(kind="PLAIN", recipients=(people[0].pk,), data={"price": 1.50, "name": "é"})
    first = record(notice, key="document:7")
    delivery.expand(first)
    Event.objects.update(finished_at=timezone.now() - timedelta(days=8))
    assert retention.purge()["events"] == 1
    assert not Event.objects.exists()
    assert record(notice, key="document:7") == first
    with pytest.raises(KeyConflict):
        record(NoticeGiven(kind="PLAIN", recipients=(people[1].pk,)), key="document:7")
    assert not Event.objects.exists()
    assert record(ThingHappened(), key="document:7") != first  # an event of another name
    UsedKey.objects.update(used_at=timezone.now() - timedelta(days=366))
    assert retention.purge()["keys"] == 1
    assert record(notice, key="document:7") != first


@pytest.mark.parametrize("key", ["", "k" * (KEY_MAX_LENGTH + 1), "a\x00b", "\ud800", None, 7])
def test_invalid_key(people: list[User], key: Any) -> None:
    """A key that cannot be stored is refused."""
    with pytest.raises(InvalidEvent, match="an idempotency key is valid text"):
        record(ThingHappened(), key=key)


@pytest.mark.parametrize("actor", [True, "7", 1.0, 2**63])
def test_invalid_actor(people: list[User], actor: Any) -> None:
    """An actor that is not a user id is refused."""
    with pytest.raises(InvalidEvent, match="actor_id is"):
        record(ThingHappened(), key="k", actor_id=actor)


def lanes() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("lane", flat=True))


def test_lane_of_busy_source(people: list[User], services: dict[str, Client], monkeypatch: pytest.MonkeyPatch) -> None:
    """Further events of a busy source take the slow lane, and others do not.

    The source is the actor, or else the service by its name. Without either, nothing is counted.
    """
    monkeypatch.setattr(
        "clarion.pipeline.outbox.recording.get_settings",
        lambda: get_settings().model_copy(update={"crowding_limit": 2}),
    )
    for number in range(4):
        record(ThingHappened(), key=f"no source {number}")
        send(services["unnamed"], people[0], key=f"no name {number}")
    assert set(lanes()) == {"events"}
    Event.objects.all().delete()
    for number in range(3):
        send(services["billing"], people[0], key=f"billing {number}")
    send(services["search"], people[0], key="search")
    record(ThingHappened(), key="of an actor", actor_id=people[0].pk)
    assert lanes() == ["events", "events", "bursts", "events", "events"]


def test_payload_round_trip(people: list[User]) -> None:
    """A payload with an alias, a computed field, decimals and any values is read back unchanged."""
    event = OrderPlaced(orderId=7, total=Decimal("1.50"), more={"half": "\ud83d", "nan": float("nan")})
    delivery.expand(record(event, key="k"))
    assert (seen[-1].order, seen[-1].total, seen[-1].doubled) == (7, Decimal("1.50"), 14)
    assert seen[-1].more == {"half": "\ufffd", "nan": None}
    delivery.expand(record_named("tests.order.placed.v1", {"orderId": 8}, key="k2", service="s"))
    assert seen[-1].order == 8


@pytest.mark.parametrize(
    "event,says",
    [
        (NotReadable(at=7), "could not read this event back from JSON: payload of 'tests.not.readable.v1'"),
        (OrderPlaced(orderId=1, more={"x": json.loads('[' * 60 + ']' * 60)}), "nested more than 50 levels deep"),
        (OrderPlaced(orderId=1, more={"x": object()}), "cannot be recorded: payload: "),
        (OrderPlaced(orderId=1, more={"x": "a\x00"}), "cannot hold the character NUL"),
    ],
)  # fmt: skip
def test_unreadable_payload(people: list[User], event: Any, says: str) -> None:
    """A payload that workers could not read is refused when it is recorded."""
    with pytest.raises(InvalidEvent) as refused:
        record(event, key="k")
    assert says in str(refused.value)
    assert not Event.objects.exists()


def test_internal_event_of_service(services: dict[str, Client]) -> None:
    """A service cannot send an internal event of the pipeline."""
    with pytest.raises(UndeclaredEvent, match="cannot be sent by a service"):
        record_named("clarion.message.rejected.v1", {"args": [], "kwargs": {}}, key="k", service="s")
    assert "clarion.message.rejected.v1" not in services["billing"].get("/api/events/schemas").json()


class TestServiceTokens:
    """`billing=<token>` names a service; a bare token does not, also one that ends like Base64."""

    NAMED: ClassVar = [
        (f"billing={BILLING}", ("billing", BILLING)),
        ("a" * 31 + "=", ("", "a" * 31 + "=")),
        ("a" * 30 + "==", ("", "a" * 30 + "==")),
        ("Abc=" + "x" * 40, ("", "Abc=" + "x" * 40)),
    ]

    @pytest.mark.parametrize("text,service", NAMED)
    def test_service_token_with_name(self, text: str, service: tuple[str, str]) -> None:
        """A service token may have a name before it."""
        assert Settings(debug=True, service_tokens=text).services == (service,)  # type: ignore[arg-type]

    def test_short_service_token_with_name(self) -> None:
        """The name does not count towards the minimum length of a token."""
        with pytest.raises(ValueError, match="shorter than 32 bytes"):
            Settings(debug=True, service_tokens="billing=" + "x" * 30)  # type: ignore[arg-type]
