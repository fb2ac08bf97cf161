"""The real stack: one worker, one edge, in processes of their own, on the test database."""

from collections.abc import Iterator

import pytest
from django.db import connection, connections

from tests.environment import DATABASES
from tests.processes import Edge, Worker


def on_test_database() -> dict[str, str]:
    """The environment of a process that uses the database of the test."""
    name = connection.settings_dict["NAME"]
    return {"DATABASE_URL": DATABASES.url.rsplit("/", 1)[0] + f"/{name}"}


@pytest.fixture
def postgres_restarts(transactional_db: None) -> Iterator[None]:
    """For a test that restarts Postgres: afterwards this process connects anew."""
    yield
    connections.close_all()


@pytest.fixture(scope="module")
def worker(django_db_setup: None) -> Iterator[Worker]:
    """A worker on all queues."""
    with Worker(**on_test_database()) as process:
        yield process


@pytest.fixture(scope="session")
def edge(django_db_setup: None) -> Iterator[Edge]:
    """An edge that looks for quiet loss every second."""
    with Edge(CLARION_QUIET_LOSS_SECONDS="1", **on_test_database()) as process:
        yield process
