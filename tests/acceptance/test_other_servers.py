"""The acceptance tests once more, on other servers: RabbitMQ as the broker, Postgres behind PgBouncer, Sentinel.

Each is a run of its own, with its own servers, selected by one variable; by hand it is
`CLARION_TESTS_ON=rabbitmq make test ARGS=tests/acceptance`.
"""

import os

import pytest

from dev.programs import PGBOUNCER, RABBITMQ, Program
from tests.acceptance.nested import run_tests
from tests.programs import needed

#: The way from a post to a socket, with the faults that can occur on it.
ACCEPTANCE = (
    "acceptance/test_main_job.py",
    "acceptance/test_resume.py",
    "acceptance/test_crashes.py",
    "acceptance/test_jobs.py",
)
#: Further tests with many statements, by the names of their files.
POOLED = ("delivery", "operations", "statements")
#: Longest run (seconds). Usual are thirty.
PATIENCE_SECONDS = 900


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
def test_acceptance_on_other_servers(name: str, program: Program | None, tests: list[str]) -> None:
    """The acceptance tests pass on RabbitMQ, PgBouncer and Sentinel."""
    if program is not None:
        needed(program)
    assert not os.environ.get("CLARION_TESTS_ON"), "this run is on other servers already"
    run_tests(tests, PATIENCE_SECONDS, CLARION_TESTS_ON=name)
