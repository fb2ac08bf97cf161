"""The acceptance tests once more, on other servers: RabbitMQ as the broker, Postgres behind PgBouncer, Sentinel.

Each is a run of its own, with its own servers, selected by one variable; by hand it is
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
ACCEPTANCE = ("acceptance/test_main_job.py", "acceptance/test_crashes.py", "acceptance/test_jobs.py")
#: And what else asks Postgres much, by the names of their files.
POOLED = ("delivery", "operations", "statements")
#: Longest run (seconds). Usual are thirty.
PATIENCE_SECONDS = 240


@pytest.mark.timeout(PATIENCE_SECONDS + 10)
@pytest.mark.parametrize(
    "name,program,tests",
    [
        ("rabbitmq", RABBITMQ, [*ACCEPTANCE, "acceptance/on_rabbitmq.py", "integration/test_backlog.py"]),
        ("pgbouncer", PGBOUNCER, [*ACCEPTANCE, *(f"integration/test_{name}.py" for name in POOLED)]),
        ("sentinel", None, ["acceptance/on_sentinel.py"]),
    ],
    ids=["rabbitmq", "pgbouncer", "sentinel"],
)
def test_the_acceptance_tests_pass_on(name: str, program: Program | None, tests: list[str]) -> None:
    if program is not None:
        needed(program)
    assert not os.environ.get("CLARION_TESTS_ON"), "this run is on other servers already"
    files = [f"tests/{file}" for file in tests]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "--no-header", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env=os.environ | {"CLARION_TESTS_ON": name},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert "skipped" not in run.stdout
