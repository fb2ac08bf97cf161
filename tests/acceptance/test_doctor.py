"""`manage.py clarion doctor` finds what keeps notifications away, put in one by one, and says what to do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from clarion.pipeline.outbox.models import Sample
from clarion.shared import edge_status
from clarion.shared import settings as settings_module
from clarion.shared.channel_layer import channel_layer
from tests.acceptance.conftest import on_test_database
from tests.processes import Edge, Worker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def processes(valkey: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    """What a test starts ends with it; the sample of a beat that runs is there.

    The channels have a prefix of their own, because the edge of other tests reports too.
    """
    monkeypatch.setenv("CLARION_CHANNEL_LAYER_PREFIX", "doctor")
    monkeypatch.setattr(settings_module, "_settings", None)
    settings.CHANNEL_LAYERS = settings_module.get_settings().django_channel_layers()
    with channel_layer().client() as client:
        client.flushdb()
    Sample.objects.create(data={})
    with ExitStack() as stack:
        yield stack


def started(processes: ExitStack, process: Worker | Edge) -> None:
    """Start a process; of an edge, wait for its report, also if it is not ready."""
    if isinstance(process, Worker):
        processes.enter_context(process)
        return
    process.launch()
    processes.callback(process.kill)
    wait_until(lambda: edge_status.load(channel_layer()), lambda: f"no report: {process.said()[-3000:]}")


def examined(wait: float = 10, before: str = "") -> str:
    """Return what the command prints, and the number of problems; `before` runs in its process, after Django's setup.

    It is a process of its own, because this one has declared events of tests, and connections from before.
    """
    run = f"execute_from_command_line(['manage.py', 'clarion', 'doctor', '--wait={wait}'])"
    imported = "from django.core.management import execute_from_command_line"
    code = f"import django\ndjango.setup()\n{before}\n{imported}\n{run}"
    environment = os.environ | on_test_database()
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def edge(**environment: str) -> Edge:
    return Edge(**on_test_database() | environment)


def test_nothing_is_wrong(processes: ExitStack) -> None:
    """With worker, beat and edge no problem is found, and each is named."""
    started(processes, Worker(queues="events,bursts,maintenance,retention,jobs", **on_test_database()))
    started(processes, edge())
    said = examined()
    assert said.endswith("No problem was found.\n"), said
    for good in ("all migrations are applied", "its answer came after", "Beat runs", "has the settings that it needs"):
        assert good in said


def test_no_process_runs(processes: ExitStack) -> None:
    """Without worker, beat and edge each is missed."""
    Sample.objects.all().delete()
    said = examined(wait=0.5)
    for missing in ("No worker took a hint", "Beat does not run", "No edge reports"):
        assert missing in said


@pytest.mark.parametrize(
    "queues, environment, findings",
    [
        (
            "bursts,maintenance,retention",
            {},
            ["No worker consumes the queue events.", "but workers are there: wrong@test."],
        ),
        ("events,bursts,maintenance,retention", {"CLARION_CHANNEL_LAYER_PREFIX": "other"}, ["another installation"]),
    ],
)
def test_wrong_worker(processes: ExitStack, queues: str, environment: dict[str, str], findings: list[str]) -> None:
    """A worker that lacks a queue, or has other settings, is named."""
    started(processes, Worker("wrong", queues=queues, **on_test_database() | environment))
    said = examined(wait=2)
    assert [finding for finding in findings if finding not in said] == []


def test_worker_from_before(processes: ExitStack) -> None:
    """A worker that does not know a new event has to be restarted."""
    started(processes, Worker("older", **on_test_database()))
    said = examined(3, "from clarion import Event\nclass New(Event, name='a.new.event.v1'): pass")
    assert "The worker older@test knows other events than this process" in said
    assert "Restart the workers." in said


@pytest.mark.parametrize(
    "environment, finding",
    [
        ({"CLARION_SECRET_KEY": "x" * 50}, "has another CLARION_SECRET_KEY than this project."),
        ({"CLARION_SESSION_COOKIE": "other"}, "has CLARION_SESSION_COOKIE=other, and needs 'sessionid'."),
        ({"CLARION_USER_TABLE": "people"}, 'can serve nobody: CLARION_USER_TABLE: relation "people" does not exist'),
    ],
)
def test_wrong_edge(processes: ExitStack, environment: dict[str, str], finding: str) -> None:
    """An edge with other settings than it needs is named, with the setting."""
    started(processes, edge(**environment))
    said = examined(wait=0.5)
    assert finding in said
    assert "Start it with the variables that `manage.py clarion env` prints." in said


def test_edge_of_another_database(processes: ExitStack) -> None:
    """An edge on the same Redis that serves another database is named."""
    with channel_layer().client() as client:
        client.sadd("another-0123456789:edges", "edge-1")
    assert "but on the same Redis one does for another-0123456789." in examined(wait=0.5)


def test_edge_that_drains(processes: ExitStack) -> None:
    """An edge that drains refuses new sockets."""
    started(processes, edge(CLARION_EDGE_NAME="leaving"))
    call_command("drain", "leaving", stdout=StringIO())

    def drains() -> Any:
        return [report for report in edge_status.load(channel_layer()) if report.draining]

    wait_until(drains, "it does not drain")
    assert "The edge leaving drains, so it refuses new sockets." in examined(wait=0.5)
