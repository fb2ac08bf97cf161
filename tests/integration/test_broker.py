"""Celery's connection to a broker that goes away."""

from contextlib import suppress
from pathlib import Path

import httpx
import redis
from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.common import ignore_errors

from clarion.pipeline.celery.app import app
from dev.servers import Valkey
from tests.processes import Worker, wait_until

#: Longest wait for a message, and for the answer of a broker that is gone (seconds).
PATIENCE_SECONDS = 1
#: So soon that the question for the next message is still open (seconds): the broker answers it after one.
AT_ONCE_SECONDS = 0.1


def test_a_connection_whose_broker_died_with_a_task_at_work_can_be_closed(tmp_path: Path) -> None:
    """As the worker does it: give the connection up, then close it. With kombu's own transport the second ends it."""
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


def test_a_worker_waits_for_a_broker_that_is_full_and_works_when_there_is_room(tmp_path: Path) -> None:
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
