"""The acceptance tests once more, on other servers: RabbitMQ as the broker, and Postgres behind PgBouncer.

Each is a run of its own, with servers of its own, told by one variable; by hand it is
`CLARION_TESTS_ON=rabbitmq make test ARGS=tests/acceptance`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.programs import PGBOUNCER, RABBITMQ, Program
from tests.programs import needed

ROOT = Path(__file__).resolve().parents[2]

#: The way from a post to a socket, with everything that can happen on it; what a request and a purge say to Postgres.
ACCEPTANCE = ("test_main_job.py", "test_crashes.py", "test_jobs.py")
#: Longest run (seconds). Usual are thirty.
PATIENCE_SECONDS = 240


@pytest.mark.timeout(PATIENCE_SECONDS + 10)
@pytest.mark.parametrize(
    "name,program,further",
    [
        ("rabbitmq", RABBITMQ, ["tests/acceptance/on_rabbitmq.py", "tests/integration/test_backlog.py"]),
        ("pgbouncer", PGBOUNCER, ["tests/integration/test_delivery.py", "tests/integration/test_operations.py"]),
    ],
)
def test_the_acceptance_tests_pass_on(name: str, program: Program, further: list[str]) -> None:
    needed(program)
    assert not os.environ.get("CLARION_TESTS_ON"), "this run is on other servers already"
    tests = [*(f"tests/acceptance/{file}" for file in ACCEPTANCE), *further]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "--no-header", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env=os.environ | {"CLARION_TESTS_ON": name},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert "skipped" not in run.stdout
