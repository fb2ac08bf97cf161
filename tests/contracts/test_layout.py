"""Agreements between files: imports, processes and their queues, tasks, migrations, locks and package maps."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from clarion.pipeline.celery.app import app
from clarion.pipeline.celery.queues import QUEUES, ROUTES
from tests.acceptance.conftest import on_test_database

ROOT = Path(__file__).resolve().parents[2]


def procfile() -> dict[str, str]:
    lines = [line for line in (ROOT / "Procfile").read_text().splitlines() if line and not line.startswith("#")]
    return {name.strip(): command.strip() for name, _, command in (line.partition(":") for line in lines)}


def test_procfile_processes() -> None:
    """The Procfile lists the expected processes, in order."""
    assert list(procfile()) == ["web", "worker-live", "worker-bursts", "worker-jobs", "beat", "edge", "flower"]


def test_consumed_queues() -> None:
    """Every queue is consumed by exactly one process, and no unknown queue is consumed."""
    consumed = [
        queue
        for command in procfile().values()
        for word in shlex.split(command)
        if word.startswith("--queues=")
        for queue in word.removeprefix("--queues=").split(",")
    ]
    assert sorted(consumed) == sorted(set(QUEUES) | set(queues_of_apps().values()))


def queues_of_apps() -> dict[str, str]:
    """The queue of each task that is an app's: routed by its settings."""
    app.loader.import_default_modules()
    names = [name for name in app.tasks if not name.startswith(("pipeline.", "celery."))]
    return {name: app.amqp.router.route({}, name)["queue"].name for name in names}


def test_queue_of_forum_tasks() -> None:
    """The tasks of the forum use the queue for jobs."""
    queues = queues_of_apps()
    assert {name.split(".")[0] for name in queues} == {"forum"}
    assert set(queues.values()) == {"jobs"}


#: The folders at the top, which are packages below `clarion` and nowhere else.
BARE_NAMES = {"pipeline", "edge", "shared"}


def test_live_worker_queues() -> None:
    """The worker for live events consumes no queue of batches."""
    live = next(command for name, command in procfile().items() if name == "worker-live")
    assert "--queues=events,maintenance,retention " in live


def test_task_routes() -> None:
    """Every task has a route to an existing queue."""
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if name.startswith("pipeline.")}
    assert ours == set(ROUTES)
    assert {route["queue"] for route in ROUTES.values()} == set(QUEUES)


@pytest.mark.django_db
def test_edge_imports() -> None:
    """The edge loads neither Celery nor the pipeline."""
    script = "import clarion.edge.asgi, json, sys; print(json.dumps(list(sys.modules)))"
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "clarion.edge.settings"} | on_test_database()  # it waits for Postgres
    booted = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(json.loads(booted.stdout.splitlines()[-1]))
    assert {"clarion.edge", "clarion.shared", "daphne"} <= loaded
    assert not loaded & {"celery", "kombu", "clarion.pipeline", "examples", "dev", "tests"}
    assert not loaded & BARE_NAMES


def test_module_names() -> None:
    """No module is loaded under the name of its folder.

    Imported under both names, a module would exist twice, with two sets of metrics and models.
    """
    app.loader.import_default_modules()
    assert not sys.modules.keys() & BARE_NAMES


@pytest.mark.django_db
def test_no_migration_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """The migrations match the models."""
    call_command("makemigrations", "--check", "--dry-run")


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.lock")), ids=lambda lock: lock.name)
def test_requirement_locks(lock: Path) -> None:
    """A lock file pins each package by hash and names no host."""
    text = lock.read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
    pins = re.findall(r"^([A-Za-z0-9][^\s=]*)==\S+.*\\$", text, flags=re.M)
    assert pins
    assert text.count("--hash=sha256:") >= len(pins)


#: Packages whose docstring is the map of their files.
MAPPED = (
    "pipeline",
    "pipeline/outbox",
    "pipeline/inbox",
    "pipeline/api",
    "pipeline/dashboard",
    "pipeline/celery",
    "edge",
    "edge/daphne",
    "shared",
)
#: Files that Django names, and the package itself.
UNMAPPED = {"__init__.py", "apps.py"}


@pytest.mark.parametrize("package", MAPPED)
def test_package_map(package: str) -> None:
    """A package's docstring lists exactly the files of the package."""
    text = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text())) or ""
    files = {path.name for path in (ROOT / package).glob("*.py")} - UNMAPPED
    listed = set(re.findall(r"(?<![\w/])\w+\.py", text))
    assert listed - UNMAPPED == files
