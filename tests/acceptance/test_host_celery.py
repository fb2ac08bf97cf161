"""A project with a Celery app of its own: its worker does its tasks on its broker, and Clarion's does Clarion's."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests import environment
from tests.acceptance.conftest import on_test_database
from tests.processes import BIN, ROOT, Process, wait_until

#: The project's own broker, by each of the variables that Celery reads; Clarion's is another one.
VARIABLES = ["CELERY_BROKER_URL", "BROKER_URL", ""]

FILES = {
    "__init__.py": "from mysite.celery import app as celery_app\n",
    "celery.py": """
import os
from celery import Celery
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
app = Celery("mysite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
""",
    "settings.py": """
from clarion.shared.settings import get_settings
SECRET_KEY = get_settings().secret_key.get_secret_value()
USE_TZ = True
CELERY_BROKER_URL = "{host}"
DATABASES = {{"default": get_settings().django_database()}}
CHANNEL_LAYERS = get_settings().django_channel_layers()
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "ninja", "mysite",
    "clarion.shared.inbox", "clarion.pipeline",
]
""",
    "tasks.py": """
import redis
from celery import shared_task
@shared_task
def leave_a_trace(url):
    redis.Redis.from_url(url).set("trace", "of the host's task")
""",
}

APPS = """
import django; django.setup()
import json
from mysite.celery import app as host
from clarion.pipeline.celery import app as clarion
print(json.dumps([host.connection_for_write().as_uri(), host.connection_for_read().as_uri(),
                  clarion.connection_for_write().as_uri(), clarion.connection_for_read().as_uri()]))
"""


@pytest.fixture(params=VARIABLES)
def host(
    request: pytest.FixtureRequest, django_db_setup: None, valkey: str, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """The environment of a project's processes."""
    own, clarion = environment.VALKEY.database_url(12), environment.VALKEY.database_url(10)
    (tmp_path / "mysite").mkdir()
    for name, content in FILES.items():
        (tmp_path / "mysite" / name).write_text(content.format(host=own) if name == "settings.py" else content)
    variables = {request.param: own} if request.param else {}
    yield variables | {
        "CLARION_BROKER_URL": clarion,
        **on_test_database(),
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
    }
    for url in (own, clarion):
        with redis.Redis.from_url(url) as client:
            client.flushdb()


class Worker(Process):
    """A worker of an app, on its default queue or another one."""

    def __init__(self, app: str, queue: str, **variables: str) -> None:
        command = [str(BIN / "celery"), "-A", app, "worker", f"--queues={queue}", "--pool=solo", "--without-gossip"]
        super().__init__(f"worker-of-{app}", *command, "--without-mingle", "--loglevel=info", **variables)

    def is_up(self) -> bool:
        return True


def test_both_apps_keep_their_brokers(host: dict[str, str]) -> None:
    """The project's app and Clarion's app keep their own brokers, for sending and receiving.

    This holds for each variable that the project may have.
    """
    asked = subprocess.run(
        [sys.executable, "-c", APPS], env=os.environ | host, capture_output=True, text=True, check=True
    )
    numbers = [uri.rstrip("/").rpartition("/")[2] for uri in json.loads(asked.stdout.splitlines()[-1])]
    assert numbers == ["12", "12", "10", "10"]


def test_host_worker_runs_host_tasks(host: dict[str, str]) -> None:
    """The project's worker does the project's tasks and leaves Clarion's queues alone."""
    own, clarion = environment.VALKEY.database_url(12), environment.VALKEY.database_url(10)
    send = (
        "import django; django.setup()\n"
        "from clarion.pipeline.celery.hints import enqueue\n"
        "from mysite.tasks import leave_a_trace\n"
        f"assert enqueue('pipeline.expand', 1); leave_a_trace.delay({own!r})"
    )
    subprocess.run([sys.executable, "-c", send], env=os.environ | host, check=True)
    with redis.Redis.from_url(own) as hosts, redis.Redis.from_url(clarion) as clarions:
        assert (hosts.llen("celery"), clarions.llen("clarion:events")) == (1, 1)
        with Worker("mysite", "celery", **host) as worker:
            wait_until(lambda: hosts.get("trace"), lambda: f"the task was not done: {worker.said()[-2000:]}")
        assert clarions.llen("clarion:events") == 1
        with Worker("clarion.pipeline", "events", **host) as worker:
            wait_until(
                lambda: not clarions.llen("clarion:events"),
                lambda: f"no hint was taken: {worker.said()[-2000:]}",
                30,
            )
