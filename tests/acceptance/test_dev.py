"""`manage.py clarion dev` beside a project: its processes end with it, however it ends."""

import signal
import sys

import psutil
import pytest

from clarion.pipeline.celery.app import app
from dev.ports import free_port
from tests.acceptance.conftest import on_test_database
from tests.processes import Process, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_command(valkey: str, signum: signal.Signals) -> None:
    """Worker, beat and edge run, and none is left over."""
    port = free_port()
    command = Process(
        "dev", sys.executable, "-m", "django", "clarion", "dev", f"--edge-port={port}", **on_test_database()
    )
    with command:
        assert command.popen is not None

        def children() -> list[psutil.Process]:
            assert command.popen is not None
            return psutil.Process(command.popen.pid).children()

        wait_until(lambda: len(children()) == len(("worker", "beat", "edge")), command.said)
        started = children()
        wait_until(lambda: app.control.ping(timeout=0.5), command.said)
        command.popen.send_signal(signum)
        command.popen.wait(30)
        _, alive = psutil.wait_procs(started, timeout=30)
        assert alive == []
