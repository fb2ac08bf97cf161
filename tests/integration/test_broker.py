"""Celery's connection to a broker that goes away."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import redis
from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.common import ignore_errors

from clarion.pipeline.celery.app import app
from clarion.pipeline.celery.queues import redis_key
from clarion.shared.settings import get_settings
from dev.servers import Valkey
from tests.processes import Worker, wait_until

#: Longest wait for a message, and for the answer of a broker that is gone (seconds).
PATIENCE_SECONDS = 1
#: So soon that the question for the next message is still open (seconds): the broker answers it after one.
AT_ONCE_SECONDS = 0.1


def test_close_after_broker_died(tmp_path: Path) -> None:
    """A connection whose broker died during a task can be closed.

    As a worker does: first it gives the connection up, then it closes it. With kombu's own transport the second step
    ends the worker.
    """
    waiting, other = [Queue(name, Exchange(name), name) for name in ("waiting", "other")]
    options = {**app.conf.broker_transport_options, "socket_timeout": PATIENCE_SECONDS}
    got: list[object] = []
    with Valkey(tmp_path / "broker") as broker:
        connection = Connection(broker.url, transport_options=options)
        Consumer(connection.default_channel, [waiting], callbacks=[lambda body, _: got.append(body)]).consume()
        Consumer(connection.channel(), [other]).consume()
        Producer(connection.channel()).publish("at work", exchange="waiting", routing_key="waiting")
        connection.drain_events(timeout=PATIENCE_SECONDS)
        with suppress(TimeoutError):
            connection.drain_events(timeout=AT_ONCE_SECONDS)
        broker.kill()
        with suppress(*connection.connection_errors):
            connection.collect(socket_timeout=PATIENCE_SECONDS)
        ignore_errors(connection, connection.close)
    assert got == ["at work"]


def test_worker_on_full_broker(tmp_path: Path) -> None:
    """A worker waits while its broker is full, and starts when there is room."""
    with Valkey(tmp_path / "broker") as broker, redis.Redis.from_url(broker.url) as operator:
        operator.config_set("maxmemory", "1")
        worker = Worker("connecting-to-a-full-broker", CLARION_BROKER_URL=broker.url)

        def is_ready() -> bool:
            with suppress(httpx.TransportError):
                return worker.http("/metrics").status_code == 200
            return False

        try:
            worker.launch()
            wait_until(lambda: "used memory" in worker.said(), lambda: f"it saw nothing wrong: {worker.said()[-2000:]}")
            assert not is_ready()
            operator.config_set("maxmemory", "0")
            wait_until(is_ready, lambda: f"exit code {worker.exit_code()}: {worker.said()[-2000:]}")
        finally:
            worker.kill()


def test_project_on_the_same_database(broker: redis.Redis) -> None:
    """The unacknowledged messages of the project's own Celery stay with it, whatever Clarion's visibility timeout is.

    Without a prefix Clarion would give back a message that a long task of the project has not acknowledged yet.
    """
    url = get_settings().broker_url.get_secret_value()
    with Connection(url) as project, app.connection_for_read() as ours:
        for connection, queue in ((project, "celery"), (ours, "events")):
            with connection.SimpleQueue(queue) as simple:
                simple.put("a long task")
                simple.get(timeout=PATIENCE_SECONDS)  # and not acknowledged
        channel: Any = ours.channel()
        channel.visibility_timeout = -1
        channel.qos.restore_visible()
        assert (broker.llen("celery"), broker.hlen("unacked")) == (0, 1)
        assert (broker.llen(redis_key("events")), broker.hlen(redis_key("unacked"))) == (1, 0)
