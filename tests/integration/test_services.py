"""Events from other services: by HTTP and by a Celery message, with the same fields and the same errors."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pydantic import SecretStr

from clarion.pipeline import delivery
from clarion.pipeline.audiences import named_audience
from clarion.pipeline.outbox.models import Event
from clarion.shared.inbox.models import Notification
from clarion.shared.settings import get_settings

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "t" * 40


@named_audience("tests.everybody")
def everybody(starting_with: str) -> Any:
    return User.objects.filter(username__startswith=starting_with).values_list("pk")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, valkey: str) -> Client:
    known = get_settings().model_copy(update={"service_tokens": (SecretStr("other" * 8), SecretStr(TOKEN))})
    monkeypatch.setattr("clarion.pipeline.api.events.get_settings", lambda: known)
    return Client(headers={"authorization": f"Bearer {TOKEN}"})


def send(client: Client, **fields: Any) -> tuple[int, Any]:
    body = {"name": "clarion.notice.given.v1", "key": "one", "payload": {}} | fields
    response = client.post("/api/events", body, content_type="application/json")
    return response.status_code, response.json()


def notice(**fields: Any) -> dict[str, Any]:
    return {"kind": "EXPORT_COMPLETE", "data": {"file": "a.csv"}} | fields


def test_notice_to_user_ids(service: Client, people: list[User], published: Any) -> None:
    """A service's notice is delivered to the users with the given ids, except the actor."""
    payload = notice(recipients=[people[0].pk, people[1].pk], topic="exports")
    status, answer = send(service, payload=payload, actor_id=people[1].pk)
    assert status == 202
    delivery.expand(answer["event_id"])
    ((user, frame),) = published()
    assert (user, frame["notificationType"], frame["data"]) == (people[0].pk, "EXPORT_COMPLETE", {"file": "a.csv"})


def test_notice_to_named_audience(service: Client, people: list[User]) -> None:
    """A service's notice is delivered to a declared audience."""
    payload = notice(audience="tests.everybody", parameters={"starting_with": "person-"})
    delivery.expand(send(service, payload=payload)[1]["event_id"])
    assert Notification.objects.count() == len(people)


def test_repeated_key_of_service(service: Client, people: list[User]) -> None:
    """A service that sends a key twice records one event."""
    payload = notice(recipients=[people[0].pk])
    assert send(service, payload=payload) == send(service, payload=payload)
    assert Event.objects.count() == 1


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], "é"])
def test_unknown_service_token(service: Client, token: str) -> None:
    """A request with an unknown token gives 401 and records no event."""
    stranger = Client(headers={"authorization": f"Bearer {token}"})
    assert send(stranger)[0] == 401
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "fields,says",
    [
        ({"name": "nobody.knows.this.v1"}, "no event 'nobody.knows.this.v1' is declared"),
        ({"payload": {}}, "kind: Field required"),
        ({"payload": notice()}, "name either recipients or an audience"),
        ({"payload": notice(recipients=[1], audience="tests.everybody")}, "name either recipients or an audience"),
        ({"payload": notice(recipients=[-1])}, "recipients.0: the id of a user is a positive whole number"),
        ({"payload": notice(recipients=[2**63])}, "recipients.0: the id of a user is a positive whole number"),
        ({"payload": notice(recipients=["x"])}, "recipients.0"),
        ({"payload": notice(recipients=[1], kind="no kind")}, "kind: "),
        ({"payload": notice(audience="tests.nobody")}, "no audience 'tests.nobody' is declared"),
        ({"payload": notice(audience="tests.everybody", parameters={"x": 1})}, "does not take these parameters"),
        ({"payload": notice(recipients=[1], extra=1)}, "extra: "),
        ({"payload": notice(recipients=[1], data={"x": ["a\x00b"]})}, "payload.data.x[0] holds the character NUL"),
        ({"payload": "text"}, "payload"),
        ({"key": ""}, "key"),
        ({"key": "k" * 201}, "key"),
        ({"actor_id": 0}, "actor_id"),
        ({"more": 1}, "more"),
    ],
)
def test_malformed_event_of_service(service: Client, fields: dict[str, Any], says: str) -> None:
    """A malformed event gives 422 with the reason and is not recorded."""
    status, answer = send(service, **fields)
    assert status == 422
    assert says in str(answer["detail"])
    assert not Event.objects.exists()


def test_event_schemas(service: Client) -> None:
    """The schemas of all events are available to services."""
    schemas = service.get("/api/events/schemas").json()
    assert set(schemas) >= {"clarion.notice.given.v1", "forum.message.posted.v1"}
    assert schemas["forum.message.posted.v1"]["properties"]["message_id"]["type"] == "integer"
