"""Fixtures of every tier: the real servers, started with the first test that needs them."""

from collections.abc import Iterator

import pytest
import redis

from tests import environment


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
