"""Celery, configured as Clarion's workers are, with tasks that do nothing.

`celery -A benchmarks.peers.empty worker`.
"""

import os
import time

import redis
from celery import Celery
from celery.signals import worker_ready
from kombu.transport import TRANSPORT_ALIASES
from prometheus_client import start_http_server

from clarion.pipeline.celery.app import app as ours

QUEUE = "empty"
#: Where `clock` answers, on the broker.
CLOCK = "benchmarks.clock"

# kombu and Celery without our changes, which are part of the measurement.
TRANSPORT_ALIASES["redis"] = "kombu.transport.redis:Transport"
OURS = ("beat_schedule", "beat_scheduler", "task_queues", "worker_consumer")
app = Celery("empty")
app.conf.update({name: ours.conf[name] for name in ours.conf if name not in OURS})
app.conf.update(task_default_queue=QUEUE, task_routes=None, include=[])


@app.task(name="benchmarks.empty")
def empty(number: int) -> None:
    """Do nothing with an id."""


@app.task(name="benchmarks.clock")
def clock() -> None:
    """Say when it began."""
    begun = time.monotonic()
    with redis.Redis.from_url(os.environ["CLARION_BROKER_URL"]) as broker:
        broker.rpush(CLOCK, begun)


@worker_ready.connect
def _answer(**_: object) -> None:
    start_http_server(int(os.environ["CLARION_METRICS_PORT"]), addr="127.0.0.1")
