"""A worker that cannot take any task ends with its error, and drops no message for it."""

import pytest
import redis

from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.celery.queues import redis_key
from clarion.pipeline.outbox.models import Event
from clarion.pipeline.outbox.recording import record
from tests.acceptance.conftest import on_test_database
from tests.factories import UserFactory
from tests.processes import BIN, Process, Worker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

EVENTS = 5


class Autoscaling(Process):
    """A pool of threads with autoscaling, which Celery does not support: its autoscaler fails with each message."""

    def __init__(self, **environment: str) -> None:
        command = [str(BIN / "celery"), "-A", "clarion.pipeline", "worker", "--queues=events", "--pool=threads"]
        super().__init__(
            "autoscaling", *command, "--autoscale=4,1", "--without-mingle", "--loglevel=info", **environment
        )


def test_error_with_every_message(valkey: str, broker: redis.Redis) -> None:
    """An error that occurs with every message ends the worker.

    Its messages stay on the broker for a worker that can take them, and none is counted as malformed.
    """
    person = UserFactory.create()
    for number in range(EVENTS):
        record(NoticeGiven(kind="PLAIN", recipients=(person.pk,)), key=f"event {number}")
    with Autoscaling(**on_test_database()) as worker:
        wait_until(lambda: worker.exit_code() is not None, lambda: f"it goes on: {worker.said()[-3000:]}")
        assert worker.exit_code() == 1
        assert "The worker cannot consume its queues and exits" in worker.said()
        assert "Dropped an undecodable message" not in worker.said()
    pending = Event.objects.filter(state="pending").count()
    assert pending  # the first message needs no further thread
    assert broker.llen(redis_key("events")) == pending
    with Worker("able", **on_test_database()) as able:
        wait_until(lambda: not Event.objects.exclude(state="done").exists(), lambda: able.said()[-3000:])
