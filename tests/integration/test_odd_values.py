"""Odd values, at every endpoint and in every place, get a description of the error; never a server error."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pydantic import SecretStr

from clarion.pipeline import delivery
from clarion.pipeline.api import api
from clarion.pipeline.outbox.recording import record
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from tests.factories import UserFactory
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db

SERVICE_TOKEN = "a-service-that-sends-values-of-every-odd-kind"


def nested(levels: int, of: str = "[]") -> str:
    return of[0] * levels + ("1" if of == "[]" else "") + of[1] * levels


#: As they stand in a JSON text.
VALUES = {
    "a lone surrogate": '"\\ud800"',
    "half an emoji": '"x\\ud83dy"',
    "NUL": '"a\\u0000b"',
    "long text": json.dumps("x" * 300),
    "very long text": json.dumps("x" * 100_000),
    "empty text": '""',
    "true": "true",
    "null": "null",
    "a negative number": "-1",
    "zero": "0",
    "2**31": str(2**31),
    "2**63": str(2**63),
    "2**64": str(2**64),
    "a number of 5,000 digits": "9" * 5_000,
    "1e400": "1e400",
    "1.5": "1.5",
    "1e3": "1e3",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "a list": "[1]",
    "an object": '{"a": 1}',
    "a surrogate as a name": '{"\\ud800": 1}',
    "NUL as a name": '{"\\u0000": 1}',
    "255 levels of lists": nested(255),
    "10,000 levels of lists": nested(10_000),
    "255 levels of objects": '{"a":' * 255 + "1" + "}" * 255,
    "text of a number": '"1"',
    "text of digits of another script": '"\\u0661"',
    "NaN inside": '{"a": NaN}',
    "a large number inside": '{"a": [' + "9" * 5_000 + "]}",
}
BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "null": b"null",
    "a number": b"1",
    "a list": b"[]",
    "invalid UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"kind": "A"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"kind": "A"}',
    "surrogates in UTF-8": b'{"kind": "\xed\xa0\x80"}',
    "100,000 levels": nested(100_000).encode(),
    "a name twice": b'{"kind": "A", "kind": "B"}',
    "a strange field": b'{"strange": 1}',
    "NUL bytes": b"\x00" * 10,
}
QUERY = [
    "%ED%A0%80",
    "%00",
    "%FF",
    "9" * 5_000,
    str(2**63),
    "-1",
    "1.0",
    "true",
    "NaN",
    "",
    "%F0%9F%98%80",
    "%D9%A1",
    "1&{name}=2",
]


def endpoints() -> list[tuple[str, str, dict[str, Any]]]:
    document = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/"), default=str))
    return [
        (method, path, operation | {"components": document["components"]["schemas"]})
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def fields_of(operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    refs = [one["$ref"] for one in (body, *body.get("anyOf", ()), *body.get("allOf", ())) if "$ref" in one]
    return operation["components"][refs[0].rsplit("/", 1)[1]] if refs else {}


@pytest.fixture
def ann(valkey: str, monkeypatch: pytest.MonkeyPatch) -> User:
    known = get_settings().model_copy(update={"service_tokens": (SecretStr(SERVICE_TOKEN),)})
    monkeypatch.setattr("clarion.pipeline.api.events.get_settings", lambda: known)
    user = UserFactory.create()
    for number in range(3):
        delivery.expand(record(ThingHappened(first=(user.pk,)), key=f"thing {number}"))
    return user


@pytest.mark.parametrize("method, path, operation", endpoints(), ids=lambda one: one if isinstance(one, str) else "")
def test_odd_values(ann: User, method: str, path: str, operation: dict[str, Any]) -> None:
    """Odd values at every endpoint give an error description, never a server error."""
    bad: list[str] = []

    def send(what: str, path: str, body: bytes = b"", **headers: str) -> int:
        client = Client(raise_request_exception=False)
        answer = client.generic(method.upper(), path, body, content_type="application/json", headers=headers)
        if answer.status_code >= 500:
            bad.append(f"{what}: {answer.status_code}")
        elif answer.status_code in (400, 404, 409, 422) and not answer.json().get("detail"):
            bad.append(f"{what}: says nothing")
        return answer.status_code

    token = SERVICE_TOKEN if path.startswith("/api/events") else mint(ann.pk, get_settings())[0]
    headers = {"Authorization": f"Bearer {token}"}
    plain = path.replace("{notification_id}", "1").replace("{mute_id}", "1")
    schema = fields_of(operation)
    good: dict[str, str] = {}
    if path == "/api/events":
        good = {"name": '"tests.thing.happened.v1"', "payload": "{}", "key": '"k"'}
    for name in schema.get("properties", {}):
        for what, value in VALUES.items():
            body = "{" + ", ".join(f'"{one}": {text}' for one, text in (good | {name: value}).items()) + "}"
            send(f"{name}: {what}", plain, body.encode("utf-8", "surrogatepass"), **headers)
    if path == "/api/events":
        for what, value in VALUES.items():
            for payload in (
                f'{{"topic": {value}}}',
                f'{{"first": [{value}]}}',
                f"{{{value if value[0] == chr(34) else chr(34) + 'x' + chr(34)}: 1}}",
            ):
                body = (
                    json.dumps({"name": "tests.thing.happened.v1", "key": what}).removesuffix("}")
                    + f', "payload": {payload}}}'
                )
                send(f"payload {what} in {payload[:20]}", plain, body.encode(), **headers)
            notice = f'{{"kind": "A", "recipients": [{ann.pk}], "data": {{"a": {value}}}}}'
            body = (
                json.dumps({"name": "clarion.notice.given.v1", "key": what}).removesuffix("}")
                + f', "payload": {notice}}}'
            )
            send(f"notice {what}", plain, body.encode(), **headers)
    for what, raw in BODIES.items():
        send(what, plain, raw, **headers)
    for parameter in operation.get("parameters", ()):
        for value in QUERY:
            if parameter["in"] == "query":
                send(
                    f"{parameter['name']}={value[:20]}",
                    f"{plain}?{parameter['name']}={value.format(name=parameter['name'])}",
                    **headers,
                )
            elif value:
                send(f"in the path: {value[:20]}", path.replace("{" + parameter["name"] + "}", value), **headers)
    for odd in (
        "Bearer",
        "Bearer ",
        "Bearer \xff",
        "Bearer a b",
        "Bearer " + "x" * 20_000,
        "Basic eDp5",
        "\x00",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
    ):
        send(f"Authorization: {odd[:20]!r}", plain, Authorization=odd)
    assert bad == []


MISFITS = {
    '"\\ud800"': "holds half of a surrogate pair",
    '"x\\ud83dy"': "holds half of a surrogate pair",
    '"a\\u0000b"': "holds the character NUL",
    "NaN": "is not a finite number",
    "-Infinity": "is not a finite number",
    "1e400": "is not a finite number",
    nested(60): "is nested more than 50 levels deep",
    nested(255): "is nested more than 50 levels deep",
    '{"b": ["x", {"\\ud800": 1}]}': "holds half of a surrogate pair",
}


@pytest.mark.parametrize("value, reason", MISFITS.items(), ids=lambda one: one[:12])
def test_place_of_invalid_value(ann: User, value: str, reason: str) -> None:
    """The error names the place of a value that cannot be stored."""
    notice = f'{{"kind": "A", "recipients": [{ann.pk}], "data": {{"deep": [0, {{"a": {value}}}]}}}}'
    body = f'{{"name": "clarion.notice.given.v1", "key": "k", "payload": {notice}}}'
    client = Client(headers={"Authorization": f"Bearer {SERVICE_TOKEN}"})
    answer = client.post("/api/events", body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("payload.data.deep[1].a")
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize("field", ["recipients", "actor_id", "parameters"])
def test_boolean_as_user_id(ann: User, field: str) -> None:
    """A boolean is not accepted as a user id."""
    notice: dict[str, Any] = {"kind": "A", "recipients": [ann.pk], "data": {"yes": True}}
    body: dict[str, Any] = {"name": "clarion.notice.given.v1", "key": "k", "payload": notice}
    (body if field == "actor_id" else notice)[field] = {"recipients": [True], "parameters": {"a": True}}.get(
        field, True
    )
    client = Client(headers={"Authorization": f"Bearer {SERVICE_TOKEN}"})
    answer = client.post("/api/events", body, content_type="application/json")
    assert answer.status_code == 422
    assert re.search("a boolean is not a number|the id of a user is a positive whole number", answer.content.decode())
