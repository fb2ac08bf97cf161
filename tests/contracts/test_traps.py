"""Defaults of the components that cause faults are changed, and stay changed; docs/faults.md lists their tests."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clarion.pipeline.celery.app import app
from clarion.shared.inbox.models import Notification
from clarion.shared.protocol import Close

ROOT = Path(__file__).resolve().parents[2]


def test_celery_settings_on_redis() -> None:
    """Celery on Redis acknowledges late, prefetches one task and has a limit for every wait."""
    conf = app.conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.worker_cancel_long_running_tasks_on_connection_loss
    assert conf.broker_connection_retry_on_startup
    assert conf.broker_connection_max_retries is None
    options = conf.broker_transport_options
    assert 0 < options["socket_timeout"] <= 10
    assert 0 < options["socket_connect_timeout"] <= 10
    assert 0 < options["health_check_interval"] <= 30
    assert options["visibility_timeout"] >= 600


def test_celery_settings_on_rabbitmq() -> None:
    """On RabbitMQ queues are quorum queues, and a publish is confirmed."""
    script = """
import json
from clarion.pipeline.celery import app
queues = {queue.name: queue.queue_arguments for queue in app.conf.task_queues}
print(json.dumps([queues, app.conf.broker_transport_options, app.conf.broker_transport]))
"""
    env = os.environ | {"CLARION_BROKER_URL": "amqp://guest@127.0.0.1:5672//"}
    ran = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True, cwd=ROOT)
    queues, options, transport = json.loads(ran.stdout.splitlines()[-1])
    assert {name: arguments["x-queue-type"] for name, arguments in queues.items()} == dict.fromkeys(queues, "quorum")
    assert options["confirm_publish"] is True
    assert transport is None


def test_frozen_objects_in_worker() -> None:
    """A full garbage collection in a worker skips the objects that existed at the start."""
    script = """
import gc
from celery.signals import worker_ready
from clarion.pipeline.celery import app
worker_ready.send(sender=app)
print(gc.get_freeze_count(), len(gc.get_objects()))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    frozen, walked = map(int, ran.stdout.split())
    assert frozen > 10_000
    assert walked < frozen / 100


def calls(folder: str) -> list[tuple[str, ast.Call]]:
    return [
        (str(path.relative_to(ROOT)), node)
        for path in sorted(ROOT.glob(f"{folder}/**/*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]


@pytest.mark.parametrize("folder", ["pipeline", "shared"])
def test_tasks_without_eta(folder: str) -> None:
    """No task is sent with an ETA or a countdown.

    It would stay unacknowledged in a worker until then, and be given to another one after the visibility timeout.
    """
    later = [
        (path, node.lineno)
        for path, node in calls(folder)
        if isinstance(node.func, ast.Attribute)
        and node.func.attr in ("send_task", "apply_async", "delay", "retry")
        and {keyword.arg for keyword in node.keywords} & {"eta", "countdown"}
    ]
    assert later == []


def test_single_way_for_hints() -> None:
    """Hints are sent by one module only, whose waits have a limit."""
    ways = {
        path
        for path, node in calls("pipeline")
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("send_task", "apply_async", "delay")
    }
    assert ways == {"pipeline/celery/hints.py"}


def procfile(name: str) -> str:
    lines: dict[str, Any] = dict(
        line.split(":", 1) for line in (ROOT / "Procfile").read_text().splitlines() if ":" in line
    )
    return str(lines[name])


def test_thread_pools_and_socket_timeout() -> None:
    """Workers run threads, and the edge closes no socket for its age."""
    for name in ("worker-live", "worker-bursts"):
        assert "--pool=threads" in procfile(name)
    assert "--websocket_timeout=-1" in procfile("edge")


def test_allowed_close_codes() -> None:
    """Every close code is one that an application under Daphne may use."""
    assert [code for code in Close if code != 1000 and not 3000 <= code <= 4999] == []


def test_unique_index_columns() -> None:
    """The event is the first column of the unique index that prevents a second notification."""
    (once,) = Notification._meta.constraints
    assert list(once.fields) == ["event_id", "recipient_id"]


def test_pipeline_without_event_loops() -> None:
    """The pipeline creates no event loop for a single send."""
    found = [
        path for path in ROOT.glob("pipeline/**/*.py") if re.search(r"async_to_sync|asyncio\.run\(", path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize("folder", ["pipeline", "examples"])
def test_commit_hooks(folder: str) -> None:
    """A commit hook has a name and is robust.

    Django logs a hook that failed by its __qualname__; without one the logging fails, in the view. A robust hook does
    not drop the later ones.
    """
    hooks = [(path, node) for path, node in calls(folder) if ast.unparse(node.func) == "transaction.on_commit"]
    assert len(hooks) >= 1
    for path, node in hooks:
        assert isinstance(node.args[0], ast.Lambda | ast.Name), path
        assert [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "robust"] == ["True"], path


def test_worker_of_another_app() -> None:
    """A worker of another Celery app keeps its logging and its metrics port.

    Celery's signals are shared by all apps of a process, and the project's worker imports Clarion's tasks.
    """
    script = """
import logging
from celery import Celery
from celery.signals import setup_logging, worker_ready
import clarion.pipeline.celery
assert not setup_logging.receivers
worker_ready.send(sender=Celery("another"))
assert not any(thread.name == "prometheus" for thread in __import__("threading").enumerate())
import gc
print(gc.get_freeze_count())
"""
    env = os.environ | {"CLARION_METRICS_PORT": "0"}
    ran = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.splitlines()[-1] == "0"
