"""The plugin of pytest, loaded by itself where Clarion is installed.

It isolates all tests and fixtures of a Django project, so that none of them sends a message to a real broker or channel
layer; tests, classes and modules with the marker `clarion_real_servers` are not isolated. The fixture `notified` is
`deliver()` around a test, and `clarion_edge` is `live_edge()` for the live server of pytest-django.

pytest loads this module before Django is set up, so it imports Django within functions only.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .kit import Delivered
    from .live import LiveEdge

MARKER = "clarion_real_servers"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and add the fixtures that depend on pytest-django."""
    config.addinivalue_line("markers", f"{MARKER}: use the real broker and channel layer in this test")
    has_django = any(map(config.pluginmanager.hasplugin, ("django", "pytest_django", "pytest_django.plugin")))
    config.pluginmanager.register(WithPytestDjango() if has_django else WithoutPytestDjango(), "clarion-database")


@pytest.fixture(scope="session", autouse=True)
def _clarion_isolation() -> Iterator[None]:
    """Isolate fixtures and classes too, which commit rows before a test begins."""
    yield from _isolation()


@pytest.fixture(scope="class", autouse=True)
def _clarion_isolation_of_class(request: pytest.FixtureRequest, _clarion_isolation: None) -> Iterator[None]:
    """Leave isolation for a class or module that is marked."""
    yield from _isolation(request)


@pytest.fixture(autouse=True)
def _clarion_isolation_of_test(request: pytest.FixtureRequest, _clarion_isolation_of_class: None) -> Iterator[None]:
    """Leave isolation for a test that is marked; begin it here if Django is set up by a fixture."""
    yield from _isolation(request)


def _isolation(request: pytest.FixtureRequest | None = None) -> Iterator[None]:
    if not _has_clarion():
        yield
        return
    from .isolation import is_working_inline, isolated, real_servers

    if request is not None and request.node.get_closest_marker(MARKER):
        with real_servers():
            yield
    elif is_working_inline():  # of a live edge, which is of this class
        yield
    else:
        with isolated():
            yield


@pytest.fixture
def notified(_clarion_database: None) -> "Iterator[Delivered]":
    """Return the notifications of the test, delivered whenever they are read; see `deliver`."""
    from .kit import deliver

    with deliver() as delivered:
        yield delivered


class WithPytestDjango:
    """Fixtures that need those of pytest-django."""

    @pytest.fixture
    def _clarion_database(self, db: None) -> None:
        """Allow the test its database."""

    @pytest.fixture
    def clarion_edge(self, transactional_db: None, live_server: Any) -> "Iterator[LiveEdge]":
        """Return an edge for the pages of the live server; see `live_edge`."""
        from .live import live_edge

        with live_edge(live_server.url) as edge:
            yield edge


class WithoutPytestDjango:
    """Fixtures in place of those."""

    @pytest.fixture
    def _clarion_database(self) -> None:
        """Leave the database to the test, which has it by other means."""


def _has_clarion() -> bool:
    """Return whether this process is of a Django project with Clarion's apps, and Django is set up."""
    from django.apps import apps

    return apps.ready and apps.is_installed("clarion.pipeline")
