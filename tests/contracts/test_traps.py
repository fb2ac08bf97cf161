"""What the parts do badly by default is set otherwise, and stays so. Which trap has which test: docs/faults.md."""

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


def test_celery_on_redis_acknowledges_late_takes_little_and_waits_for_nothing_for_ever() -> None:
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


def test_on_rabbitmq_queues_have_copies_and_a_publish_is_confirmed() -> None:
    script = """
import json
from clarion.pipeline.celery import app
queues = {queue.name: queue.queue_arguments for queue in app.conf.task_queues}
print(json.dumps([queues, app.conf.broker_transport_options, app.conf.task_default_queue_type,
                  app.conf.broker_transport]))
"""
    env = os.environ | {"CLARION_BROKER_URL": "amqp://guest@127.0.0.1:5672//"}
    ran = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True, cwd=ROOT)
    queues, options, default_type, transport = json.loads(ran.stdout.splitlines()[-1])
    assert {name: arguments["x-queue-type"] for name, arguments in queues.items()} == dict.fromkeys(queues, "quorum")
    assert options["confirm_publish"] is True
    assert default_type == "quorum"
    assert transport is None


def test_a_full_collection_in_a_worker_walks_nothing_that_was_there_at_the_start() -> None:
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
def test_no_task_waits_on_redis_for_its_hour(folder: str) -> None:
    # A task with an ETA stays unacknowledged in a worker until then, and is given to another if that takes too long.
    later = [
        (path, node.lineno)
        for path, node in calls(folder)
        if isinstance(node.func, ast.Attribute)
        and node.func.attr in ("send_task", "apply_async", "delay", "retry")
        and {keyword.arg for keyword in node.keywords} & {"eta", "countdown"}
    ]
    assert later == []


def test_hints_go_by_the_one_way_that_has_a_bound() -> None:
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


def test_workers_run_threads_and_no_socket_is_closed_for_being_a_day_old() -> None:
    for name in ("worker-live", "worker-bursts"):
        assert "--pool=threads" in procfile(name)
    assert "--websocket_timeout=-1" in procfile("edge")


def test_an_application_under_daphne_may_close_with_these_codes() -> None:
    assert [code for code in Close if code != 1000 and not 3000 <= code <= 4999] == []


def test_the_event_leads_in_the_index_that_keeps_it_from_being_told_twice() -> None:
    (once,) = Notification._meta.constraints
    assert list(once.fields) == ["event_id", "recipient_id"]


def test_nothing_is_sent_one_by_one_through_a_loop_made_for_it() -> None:
    found = [
        path for path in ROOT.glob("pipeline/**/*.py") if re.search(r"async_to_sync|asyncio\.run\(", path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize("folder", ["pipeline", "examples"])
def test_what_runs_after_a_commit_has_a_name_and_drops_nothing_after_it(folder: str) -> None:
    # Django logs a hook that failed by its __qualname__; without one the logging fails, in the view.
    hooks = [(path, node) for path, node in calls(folder) if ast.unparse(node.func) == "transaction.on_commit"]
    assert len(hooks) >= 1
    for path, node in hooks:
        assert isinstance(node.args[0], ast.Lambda | ast.Name), path
        assert [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "robust"] == ["True"], path


def test_a_projects_own_worker_keeps_its_logging_and_its_port() -> None:
    """Celery's signals are shared by all apps of a process, and the project's worker imports Clarion's tasks."""
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
