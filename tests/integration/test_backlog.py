"""The backlog of the pipeline, as operators and Prometheus read it: real Postgres, real Valkey."""

import time

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client
from pydantic import SecretStr

from clarion.pipeline import backlog, delivery
from clarion.pipeline.celery.hints import enqueue
from clarion.pipeline.celery.queues import BURSTS, DELIVER, EVENTS, EXPAND, MAINTENANCE, RETENTION
from clarion.pipeline.outbox.models import Event
from clarion.shared.settings import get_settings
from tests import environment
from tests.integration.steps import happened

pytestmark = pytest.mark.django_db(transaction=True)


def test_backlog_counts(people: list[User], broker: redis.Redis) -> None:
    """The backlog counts unfinished work by state, with the age of the oldest item."""
    first = happened(first=[people[0]])
    happened("other", first=[people[1]])
    Event.objects.filter(pk=first).update(recorded_at="2020-01-01T00:00Z")
    seen = backlog.look()
    assert seen.count("event", "pending") == 2
    assert seen.oldest_seconds(EVENTS) > 365 * 24 * 3600
    assert seen.oldest_seconds(BURSTS) == 0
    assert seen.hints == {EVENTS: 2, BURSTS: 0, MAINTENANCE: 0, RETENTION: 0, "jobs": 0}
    delivery.expand(first)
    seen = backlog.look()
    assert (seen.count("event", "pending"), seen.count("event", "expanded")) == (1, 0)
    assert seen.oldest_seconds(EVENTS) < 60


def test_backlog_hints(broker: redis.Redis, db: None) -> None:
    """The backlog counts the hints on each queue."""
    assert enqueue(EXPAND, 1, 2)
    assert enqueue(DELIVER, 3)
    assert backlog.look().hints == {EVENTS: 2, BURSTS: 1, MAINTENANCE: 0, RETENTION: 0, "jobs": 0}


def test_backlog_without_broker(db: None, valkey: str) -> None:
    """Without a broker the backlog is returned immediately, without the counts of hints."""
    environment.BROKER.stop()
    try:
        begun = time.monotonic()
        assert backlog.look().hints is None
        assert time.monotonic() - begun < get_settings().broker_wait_seconds, "it is known at once"
    finally:
        environment.BROKER.start()


def test_metrics_with_service_token(people: list[User], broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """The metrics include the backlog and need a valid service token."""
    known = get_settings().model_copy(update={"service_tokens": (SecretStr("t" * 40),)})
    monkeypatch.setattr("clarion.pipeline.api.events.get_settings", lambda: known)
    happened(first=[people[0]])
    scraped = Client(headers={"authorization": f"Bearer {'t' * 40}"}).get("/api/metrics")
    assert scraped.status_code == 200
    lines = scraped.content.decode().splitlines()
    assert 'clarion_unfinished{state="pending",work="event"} 1.0' in lines
    assert 'clarion_queue_depth{queue="events"} 1.0' in lines
    assert "clarion_broker_up 1.0" in lines
    assert Client(headers={"authorization": "Bearer wrong"}).get("/api/metrics").status_code == 401
    assert Client().get("/api/metrics").status_code == 401
