"""The Celery app: broker, queues, routes, limits and schedule.

Input: the environment (`CLARION_BROKER_URL`, `DJANGO_SETTINGS_MODULE`). Output: `app`, configured so that a task may
be lost or repeated at any moment without harm. Settings of a project's own Celery app, such as `CELERY_BROKER_URL` in
the environment, have no effect on it, and it changes nothing of that app.

The broker carries hints, and Postgres is the queue of record. So nothing here retries a task: a failure is recorded on
its row in the outbox, and the sweep enqueues it when it is due.
"""

import gc
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

from celery import Celery, _state
from celery.app.log import Logging
from celery.signals import after_task_publish, beat_init, task_postrun, task_prerun, worker_ready
from django.conf import settings
from django.db import close_old_connections, connections, reset_queries
from kombu import Exchange, Queue
from prometheus_client import start_http_server

from ...shared.sentinel import watched
from ...shared.settings import get_settings
from . import transport
from .queues import EVENTS, MAINTENANCE, PURGE, QUEUES, RETENTION, ROUTES, SAMPLE, SWEEP, redis_key
from .scheduler import Every

#: Interval of the sweep (seconds).
SWEEP_EVERY_SECONDS = 2.0

#: Interval of the slices of the purge (seconds); each does only the due work.
PURGE_EVERY_SECONDS = 60.0

#: A task of beat that no worker took is dropped after this long (seconds), so that a worker that returns after days
#: need not run all of them. It is an hour, although the next sweep follows soon, because two clocks are involved,
#: beat's and the worker's. If they differed by more, there would never be a sweep.
EXPIRES_SECONDS = 3600.0

#: Interval of the samples for the dashboard (seconds).
SAMPLE_EVERY_SECONDS = 15.0

#: Redis gives an unacknowledged task to another worker after this long (seconds). It counts from delivery, so it is
#: far longer than any task; the sweep finds a lost one long before.
VISIBILITY_TIMEOUT_SECONDS = 600

#: Age of the last use of a connection below which it gets no health check (seconds).
ALIVE_SECONDS = 1.0
_thread = threading.local()

#: Timeout for a frozen broker (seconds); redis-py would wait for ever.
BROKER_SOCKET_SECONDS = 10

_URL = get_settings().broker_url.get_secret_value()
_WATCHED = watched(_URL)
_ON_RABBITMQ = _URL.startswith("amqp")
_REDIS_OPTIONS = {
    "global_keyprefix": redis_key(""),
    "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
    "socket_timeout": BROKER_SOCKET_SECONDS,
    "socket_connect_timeout": BROKER_SOCKET_SECONDS,
    "socket_keepalive": True,
    "health_check_interval": 15,
}
if _WATCHED is not None:
    _URL, _OF_SENTINEL = _WATCHED.for_celery()
    _REDIS_OPTIONS |= _OF_SENTINEL
#: kombu checks no certificate of a `rediss://` broker unless its URL or this says so.
_TLS = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True} if _URL.startswith("rediss://") else None
# A publish that is not confirmed may be lost though it returned.
_RABBITMQ_OPTIONS = {"confirm_publish": True}


def bounded(seconds: float) -> dict[str, Any]:
    """Return arguments of a connection with this timeout at each step."""
    names = ("read_timeout", "write_timeout") if _ON_RABBITMQ else ("socket_timeout", "socket_connect_timeout")
    return {"connect_timeout": seconds, "transport_options": {**dict.fromkeys(names, seconds), "max_retries": 0}}


def _queue(name: str) -> Queue:
    """Declare a queue; on RabbitMQ one that survives the loss of a node."""
    arguments = {"x-queue-type": "quorum"} if _ON_RABBITMQ else None
    return Queue(name, Exchange(name, type="direct"), routing_key=name, queue_arguments=arguments)


def _app_routes() -> dict[str, str]:
    routes: dict[str, str] = getattr(settings, "CLARION_TASK_ROUTES", {})
    return routes


def _routes_of_the_app(name: str, *_: Any, **__: Any) -> dict[str, str] | None:
    """Route the web app's own tasks by its setting CLARION_TASK_ROUTES, {task name: queue}."""
    queue = _app_routes().get(name)
    return None if queue is None else {"queue": queue}


class DjangosLogging(Logging):
    """Logging as Django's settings configure it, instead of Celery's own. Of this app alone."""

    def setup_logging_subsystem(self, *_: Any, **__: Any) -> bool:
        """Leave the logging unchanged, and report that it is set up."""
        return True


transport.install()
# If the project has an app of its own, its tasks stay with that one; a worker makes its own app the current one.
app = Celery("clarion", log=DjangosLogging, set_as_current=not _state._get_active_apps())  # type: ignore[attr-defined]  # not in its stubs
app.conf.update(
    # Celery prefers CELERY_BROKER_URL of the environment, which is the project's, to the first, but not to these.
    broker_url=_URL,
    broker_read_url=_URL,
    broker_write_url=_URL,
    broker_use_ssl=_TLS,
    # No message on a queue may end a worker.
    worker_consumer="clarion.pipeline.celery.consumer:Consumer",
    broker_transport_options=_RABBITMQ_OPTIONS if _ON_RABBITMQ else _REDIS_OPTIONS,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # Also those of the web app, so that Flower shows them.
    task_queues=[_queue(name) for name in (*QUEUES, *sorted(set(_app_routes().values())))],
    task_routes=(ROUTES, _routes_of_the_app),
    task_default_queue=EVENTS,
    # A task is acknowledged when its work is done, and one is prefetched for each thread, so that a worker that dies
    # holds few; the sweep finds lost ones. Only worker-live prefetches two, in the Procfile.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    worker_send_task_events=True,
    worker_hijack_root_logger=False,
    # Celery would close Django's connections after every task; see _as_around_a_request.
    CELERY_DB_REUSE_MAX=sys.maxsize,
    beat_scheduler="clarion.pipeline.celery.scheduler:Scheduler",
    beat_schedule={
        "sweep": {
            "task": SWEEP,
            "schedule": Every(SWEEP_EVERY_SECONDS),
            "options": {"queue": MAINTENANCE, "expires": EXPIRES_SECONDS},
        },
        "purge": {
            "task": PURGE,
            "schedule": Every(PURGE_EVERY_SECONDS),
            "options": {"queue": RETENTION, "expires": EXPIRES_SECONDS},
        },
        "sample": {
            "task": SAMPLE,
            "schedule": Every(SAMPLE_EVERY_SECONDS),
            "options": {"queue": MAINTENANCE, "expires": EXPIRES_SECONDS},
        },
    },
)
app.autodiscover_tasks(["clarion.pipeline"])
# And the tasks of the apps themselves, on queues of their own.
app.autodiscover_tasks()


def _is_ours(sender: object) -> bool:
    """Return whether a signal is of this app: the project's app has the same signals, and its worker imports this."""
    return getattr(sender, "app", sender) is app


@worker_ready.connect
def _answer_prometheus(sender: object = None, **_: Any) -> None:
    """Serve the metrics of this worker process, which its threads share."""
    port = get_settings().metrics_port
    if port is not None and _is_ours(sender):
        start_http_server(port, addr=get_settings().metrics_address)


@worker_ready.connect
def _freeze_startup_objects(sender: object = None, **_: Any) -> None:
    """Freeze the objects of the start, so that full garbage collections do not walk them and stop all threads."""
    if _is_ours(sender):
        gc.collect()
        gc.freeze()


@beat_init.connect
def _show_that_beat_lives(sender: object = None, **_: Any) -> None:
    """Touch a file whenever the broker accepts a task, because beat has no health endpoint."""
    if get_settings().beat_file is not None and _is_ours(sender):
        after_task_publish.connect(_touch, weak=False)


def _touch(**_: Any) -> None:
    if path := get_settings().beat_file:
        Path(path).touch()


@task_prerun.connect
@task_postrun.connect
def _as_around_a_request(sender: object = None, **_: Any) -> None:
    """Do what Django does at the start and the end of each request.

    Connections that are old or broken are closed, the others kept: a new one for each task would cost more than a small
    task does, and so would a health check of one that has just worked. In development every statement is remembered
    with its parameters, and forgotten here. A task in Celery's eager mode runs on its caller's connection, perhaps in a
    transaction, which stays open.
    """
    if not _is_ours(sender) or getattr(getattr(sender, "request", None), "is_eager", False):
        return
    now = time.monotonic()
    worked = now - getattr(_thread, "worked_at", 0.0) < ALIVE_SECONDS
    if not worked or any(one.errors_occurred for one in connections.all(initialized_only=True)):
        close_old_connections()
    _thread.worked_at = now
    reset_queries()
