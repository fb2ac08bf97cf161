"""Shared parts of the integration tests: a subscription of Redis in place of a socket, and people."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User

from clarion.pipeline.persons import has_integer_keys, key_of
from clarion.shared.channel_layer import channel_layer
from clarion.shared.groups import user_group
from clarion.shared.settings import get_settings
from tests import environment
from tests.factories import UserFactory

Frames = Callable[[], list[tuple[int, dict[str, Any]]]]


@pytest.fixture
def people(db: None) -> list[User]:
    """Five people, in the order of their ids."""
    return [UserFactory.create() for _ in range(5)]


@pytest.fixture
def published(valkey: str) -> Iterator[Frames]:
    """All frames that were published since the test began, as (primary key, frame), in order of arrival."""
    client = redis.Redis.from_url(environment.VALKEY.database_url(1), protocol=2)
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    layer = channel_layer()
    beginning = layer.channel_of("")
    pubsub.psubscribe(f"{beginning}*")
    pubsub.get_message(timeout=30)

    def frames() -> list[tuple[int, dict[str, Any]]]:
        # A message of our own marks the end: all earlier messages have arrived before it.
        layer.publish([("end", {"type": "end"})])
        found: list[tuple[int, dict[str, Any]]] = []
        while True:
            message = pubsub.get_message(timeout=30)
            assert message is not None, "the end was not published"
            group = message["channel"].decode().removeprefix(beginning)
            content = layer.deserialize(message["data"])
            if group == "end":
                return found
            text = content["own"][1] + content["rest"]
            found.append((_key_of(group), json.loads(text)))

    yield frames
    pubsub.close()
    client.close()


def _key_of(group: str) -> Any:
    """Return the primary key of the user with this group."""
    if has_integer_keys():
        return int(group.removeprefix("notification_user_"))
    return next(pk for pk in User.objects.values_list("pk", flat=True) if user_group(key_of(pk)) == group)


@pytest.fixture
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is delivered at once, and a batch holds two."""
    small = get_settings().model_copy(update={"deliver_at_once": 0, "batch_size": 2})
    monkeypatch.setattr("clarion.pipeline.fanout.get_settings", lambda: small)
