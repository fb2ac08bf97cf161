"""What RabbitMQ promises beyond the other broker; run by test_other_servers.py, where the broker is RabbitMQ."""

import signal
import time

import pytest
from amqp.exceptions import PreconditionFailed

from pipeline import backlog, enqueue
from pipeline.celery import app
from pipeline.queues import EVENTS, EXPAND, QUEUES
from shared.settings import load
from tests import environment


@pytest.fixture(autouse=True)
def _asked_at_once(monkeypatch: pytest.MonkeyPatch, broker: object) -> None:
    """No earlier failure keeps the broker from being asked."""
    assert environment.ON == "rabbitmq"
    monkeypatch.setattr(enqueue, "_leave_alone_until", 0.0)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_a_quorum_queue(queue: str, broker: object) -> None:
    with app.connection_for_write() as connection, connection.channel() as channel:
        app.amqp.queues[queue](channel).declare()
        with pytest.raises(PreconditionFailed, match="x-queue-type"):
            channel.queue_declare(queue, durable=True, auto_delete=False)  # a classic one


def test_a_hint_survives_the_brokers_restart(db: None) -> None:
    assert enqueue.enqueue(EXPAND, 1, 2)
    environment.BROKER.restart()
    hints = backlog.look().hints
    assert hints is not None
    assert hints[EVENTS] == 2
    assert enqueue.enqueue(EXPAND, 3), "on a connection that the restart has closed"


def test_a_hint_that_is_not_confirmed_is_not_given(db: None) -> None:
    assert enqueue.enqueue(EXPAND, 1)
    environment.BROKER.kill(signal.SIGSTOP)
    begun = time.monotonic()
    try:
        assert not enqueue.enqueue(EXPAND, 2)
    finally:
        environment.BROKER.kill(signal.SIGCONT)
    assert time.monotonic() - begun < load().broker_wait_seconds + 1
