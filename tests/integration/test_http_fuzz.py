"""For any HTTP request, each endpoint answers as its OpenAPI document says, and never with a server error.

A generator with a fixed seed makes valid and invalid requests from that document.
"""

import json
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from hypothesis import strategies
from pydantic import SecretStr
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from clarion.pipeline import delivery
from clarion.pipeline.api import api
from clarion.pipeline.outbox.recording import record
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from examples.forum.wsgi import application
from tests.factories import UserFactory
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db

#: Requests made for each endpoint, of each sort: enough to meet each rule of its parameters.
EXAMPLES = 40

SERVICE_TOKEN = "a-service-that-sends-whatever-comes-to-its-mind"


def cases() -> list[Any]:
    """Each endpoint with right requests, and with wrong ones where there is anything that can be wrong."""
    document = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/"), default=str))
    schema = schemathesis.openapi.from_dict(document)
    schema.app = application
    found = [one.ok() for one in schema.get_all_operations()]
    return [
        pytest.param(operation, mode, id=f"{operation.label}, {mode.value}")
        for operation in found
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or operation.path != "/api/health"
    ]


@pytest.fixture
def ann(valkey: str, monkeypatch: pytest.MonkeyPatch) -> User:
    """A user with a few notifications, so that some requests find their target."""
    known = get_settings().model_copy(update={"service_tokens": (SecretStr(SERVICE_TOKEN),)})
    monkeypatch.setattr("clarion.pipeline.api.events.get_settings", lambda: known)
    # As Django's own client does: the connection is in the test's transaction, and is not closed between requests.
    monkeypatch.setattr(request_started, "receivers", [])
    monkeypatch.setattr(request_finished, "receivers", [])
    user = UserFactory.create()
    for number in range(3):
        delivery.expand(record(ThingHappened(first=[user.pk]), key=f"thing {number}"))
    return user


@pytest.mark.parametrize("operation,mode", cases())
def test_fuzzed_requests(ann: User, operation: APIOperation, mode: GenerationMode) -> None:
    """Each generated request is answered as the OpenAPI document defines."""
    tokens: dict[str, Any] = {"user": mint(ann.pk, get_settings())[0], "service": SERVICE_TOKEN, "nobody": None}

    @hypothesis.settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(case=operation.as_strategy(mode), caller=strategies.sampled_from(sorted(tokens)))
    def sent(case: Case, caller: str) -> None:
        headers = {"Authorization": f"Bearer {tokens[caller]}"} if tokens[caller] else {}
        # Some rules concern several fields and are not in the schema: a request that breaks them is refused too.
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    sent()
