"""The plugin of pytest in runs of its own, whose settings name servers that are not there."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin_runs import STEPS, run
from tests.processes import ROOT

FIXTURE = """

def test_fixture(notified):
    user = ann()
    assert_not_notified(notified, user)
    praise(user)
    assert_notified(notified, user, "PRAISE", data={"title": "Good"})
"""

ISOLATED = """
from django.test import TransactionTestCase


@pytest.fixture(scope="session")
def of_session():
    return channel_layer()


def test_fixture_in_committing_test(notified, transactional_db):
    user = ann()
    praise(user)
    assert_notified(notified, user, "PRAISE")


def test_every_test(of_session):
    assert isinstance(of_session, SilentLayer)
    assert isinstance(channel_layer(), SilentLayer)
    assert enqueue("pipeline.expand", 1)


class TestCommits(TransactionTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sent = enqueue("pipeline.expand", 1)

    def test_hint_at_commit(self):
        assert self.sent
        with self.assertNoLogs("clarion"):
            praise(ann())


@pytest.mark.clarion_real_servers
class TestMarked(TransactionTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.layer = channel_layer()

    def test_marked_class(self):
        assert not isinstance(self.layer, SilentLayer)
        with self.assertLogs("clarion") as logged:
            praise(ann())
        assert "The broker did not accept a task" in logged.output[0]


@pytest.mark.clarion_real_servers
def test_marked():
    assert not isinstance(channel_layer(), SilentLayer)


def test_after_marked():
    assert isinstance(channel_layer(), SilentLayer)
"""

#: A project without pytest-django sets up Django and its database by itself.
WITHOUT_PYTEST_DJANGO = """
import django
import pytest

django.setup()


@pytest.fixture(scope="session", autouse=True)
def database():
    from django.test.utils import get_runner
    from django.conf import settings

    runner = get_runner(settings)(verbosity=0, keepdb=True)
    made = runner.setup_databases()
    yield
    runner.teardown_databases(made)
"""

IN_TEST_CASE = """
from django.test import TestCase

from clarion.testing import deliver


class TestKit(TestCase):
    @pytest.fixture(autouse=True)
    def _notified(self, request):
        assert isinstance(channel_layer(), SilentLayer)

    def test_deliver(self):
        user = ann()
        with deliver() as delivered:
            praise(user)
        assert_notified(delivered, user, "PRAISE")
"""


def test_plugin(django_db_setup: None, tmp_path: Path) -> None:
    """The plugin isolates tests, classes and fixtures without the marker, and its fixture delivers."""
    output = run(tmp_path, STEPS + FIXTURE + ISOLATED)
    assert " 7 passed" in output, output


def test_plugin_without_pytest_django(django_db_setup: None, tmp_path: Path) -> None:
    """The plugin works in a project that sets up Django by itself."""
    output = run(tmp_path, STEPS + IN_TEST_CASE, "-p", "no:django", conftest=WITHOUT_PYTEST_DJANGO)
    assert " 1 passed" in output, output


def test_plugin_without_django(tmp_path: Path) -> None:
    """The plugin leaves a project alone that has Clarion installed and is not Django's."""
    output = run(tmp_path, "def test_other(): pass", "-p", "no:django")
    assert " 1 passed" in output, output


@pytest.mark.parametrize("module", ["clarion.testing", "clarion.testing.plugin"])
def test_imports_of_plugin(module: str) -> None:
    """Loading the plugin loads neither Django nor Celery, because pytest does it before Django is set up."""
    script = f"import {module}, sys; assert not {{'django', 'celery'}} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", script], check=True, env={}, cwd=ROOT)


def test_factories_without_factory_boy() -> None:
    """Without factory-boy the factories say what to install."""
    script = "import sys; sys.modules['factory'] = None; import clarion.testing.factories"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env={}, cwd=ROOT)
    assert "clarion.testing.factories needs factory-boy: pip install factory-boy" in done.stderr
