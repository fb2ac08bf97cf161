"""Guarantees of RabbitMQ beyond those of Redis; run by test_other_servers.py, with RabbitMQ as the broker."""

import signal
import time
from collections.abc import Callable

import pytest
from amqp.exceptions import PreconditionFailed

from clarion.pipeline import backlog
from clarion.pipeline.celery import hints
from clarion.pipeline.celery.app import app
from clarion.pipeline.celery.queues import EVENTS, EXPAND, QUEUES
from clarion.shared.settings import get_settings
from tests import environment
from tests.acceptance.conftest import on_test_database
from tests.docs.blocks import blocks
from tests.processes import Worker, wait_until


@pytest.fixture(autouse=True)
def _asked_at_once(monkeypatch: pytest.MonkeyPatch, broker: object) -> None:
    """No earlier failure keeps the broker from being asked."""
    assert environment.ON == "rabbitmq"
    monkeypatch.setattr(hints, "_leave_alone_until", 0.0)


@pytest.mark.parametrize("queue", QUEUES)
def test_quorum_queues(queue: str, broker: object) -> None:
    """Each queue is a quorum queue."""
    with app.connection_for_write() as connection, connection.channel() as channel:
        app.amqp.queues[queue](channel).declare()
        with pytest.raises(PreconditionFailed, match="x-queue-type"):
            channel.queue_declare(queue, durable=True, auto_delete=False)  # a classic one


def test_hint_after_broker_restart(db: None) -> None:
    """A hint survives the restart of the broker."""
    assert hints.enqueue(EXPAND, 1, 2)
    environment.BROKER.restart()
    lengths = backlog.look().hints
    assert lengths is not None
    assert lengths[EVENTS] == 2
    assert hints.enqueue(EXPAND, 3), "on a connection that the restart has closed"


def test_unconfirmed_hint(db: None) -> None:
    """An unconfirmed hint counts as refused, within the bound."""
    assert hints.enqueue(EXPAND, 1)
    environment.BROKER.kill(signal.SIGSTOP)
    begun = time.monotonic()
    try:
        assert not hints.enqueue(EXPAND, 2)
    finally:
        environment.BROKER.kill(signal.SIGCONT)
    assert time.monotonic() - begun < get_settings().broker_wait_seconds + 1


def declared_by_a_service() -> None:
    """A service sends a message by the documented block, with this broker instead of the one of `make run`."""
    (called,) = [block.text for block in blocks() if block.text.startswith("# billing.py")]
    exec(called.replace("redis://127.0.0.1:8004/0", environment.BROKER.url), {})  # noqa: S102 - our own document


def declared_by_clarion() -> None:
    with app.connection_for_write() as connection, connection.channel() as channel:
        app.amqp.queues[EVENTS](channel).declare()


@pytest.mark.parametrize(
    "first,second", [(declared_by_a_service, declared_by_clarion), (declared_by_clarion, declared_by_a_service)]
)
def test_queue_declared_by_service(
    db: None, first: Callable[[], None], second: Callable[[], None], broker: object
) -> None:
    """A service's documented call and Clarion declare the same queue, in either order."""
    with app.connection_for_write() as connection, connection.channel() as channel:
        channel.queue_delete(EVENTS)
    first()
    second()
    lengths = backlog.look().hints
    assert lengths is not None
    assert lengths[EVENTS] == 1


def test_foreign_queue(broker: object, db: None) -> None:
    """A worker ends with an explanation if a queue exists with other arguments.

    Another program declared it as a classic queue, so the worker could not consume it.
    """
    with app.connection_for_write() as connection, connection.channel() as channel:
        channel.queue_delete(EVENTS)
        channel.queue_declare(EVENTS, durable=True, auto_delete=False)
        worker = Worker("meets-a-foreign-queue", **on_test_database())
        try:
            worker.launch()
            wait_until(lambda: worker.exit_code() is not None, lambda: f"it goes on: {worker.said()[-3000:]}")
            assert "A queue exists with other arguments than Clarion's" in worker.said()
            assert worker.exit_code() == 1
        finally:
            worker.kill()
            channel.queue_delete(EVENTS)
