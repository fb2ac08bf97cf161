"""Fixtures of every tier: the real servers, started with the first test that needs them."""

import re
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import redis

from tests import environment
from tests.parallel import FileScheduling, machine

#: The tiers in the order in which they run: those first that fail within seconds, and faults, which run alone, last.
TIERS = ("unit", "contracts", "docs", "integration", "acceptance", "browser", "faults")

TESTS = Path(__file__).resolve().parent


#: In the source of a test: it measures time or memory, and needs a quiet machine for it.
MEASURES = re.compile(r"\b(monotonic|perf_counter|memory_info|rss)\(")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Run the tests of a file that measures alone."""
    if _measures(item.path):
        item.add_marker(pytest.mark.alone)


@cache
def _measures(file: Path) -> bool:
    return MEASURES.search(file.read_text()) is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by tier and file.

    Tests that commit come after those that roll back, because Django empties the tables after each of them, also of the
    rows of migrations.
    """
    items.sort(key=lambda item: (_commits(item), TIERS.index(_tier(item)), item.path))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling:
    """Keep the tests of a file on one worker."""
    return FileScheduling(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost, so that no time-out counts the wait
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test that measures time while no other test runs."""
    with machine(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def _tier(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


def _commits(item: pytest.Item) -> bool:
    """Whether a test commits to the database, or uses processes that do."""
    marker = item.get_closest_marker("django_db")
    return (
        _tier(item) in ("faults", "acceptance", "browser")
        or "transactional_db" in getattr(item, "fixturenames", ())
        or (marker is not None and bool(marker.kwargs.get("transaction")))
    )


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """The URL of a running Valkey; its databases 0 (broker) and 1 (channel layer) are this run's own.

    Where the run's broker is another server, that runs too.
    """
    environment.VALKEY.start()
    environment.BROKER.start()
    yield environment.VALKEY.url
    environment.BROKER.stop()
    environment.VALKEY.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(valkey: str) -> Iterator[None]:
    """pytest-django asks for this before it makes the test database: Postgres must run by then."""
    environment.POSTGRES.start()
    environment.DATABASES.start()
    yield
    environment.DATABASES.stop()
    environment.POSTGRES.stop()


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The test database is not dropped: processes are connected to it, and it goes with its server."""
    return True


@pytest.fixture
def broker(valkey: str) -> Iterator[redis.Redis]:
    """The broker, emptied, so that only the test's own messages are in it; by default Valkey."""
    if environment.BROKER is not environment.VALKEY:
        from clarion.pipeline.celery.app import app

        with app.connection_for_write() as connection:
            app.control.purge(connection)
    with redis.Redis.from_url(environment.VALKEY.database_url(0)) as client:
        client.flushdb()
        yield client


@pytest.fixture(autouse=True)
def closed_circuits() -> Iterator[None]:
    """A Redis that was stopped by a test is asked again by the next one."""
    yield
    from channels.layers import channel_layers

    layer = channel_layers.backends.get("default")
    for host in getattr(layer, "_publishers", None) or ():
        host.breaker.succeeded()
