"""`manage.py check` finds the traps, one by one, and nothing where there are none."""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from celery.app.task import Task
from django.core.checks import run_checks
from django.core.checks.registry import registry
from django.db import connections
from psycopg import IsolationLevel

from clarion.pipeline import checks, names
from clarion.pipeline.celery.app import app
from clarion.pipeline.celery.queues import QUEUES
from clarion.shared.settings import get_settings
from tests import environment
from tests.acceptance.conftest import on_test_database
from tests.processes import BIN, Worker

LEVELS = {"repeatable read": IsolationLevel.REPEATABLE_READ, "serializable": IsolationLevel.SERIALIZABLE}
ROOT = Path(__file__).resolve().parents[2]


def found(**options: Any) -> set[str | None]:
    return {message.id for message in run_checks(tags=[checks.TAG], **options)}


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options of the connection to the broker, to be spoilt."""
    options = dict(app.conf.broker_transport_options)
    monkeypatch.setitem(app.conf, "broker_transport_options", options)
    return options


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert found() == set()


@pytest.mark.parametrize("name", ["socket_timeout", "socket_connect_timeout"])
def test_a_missing_time_out_of_the_brokers_socket(transport: dict[str, Any], name: str) -> None:
    del transport[name]
    assert found() == {"clarion.E001"}


def test_rabbitmq_without_confirmations(transport: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.conf, "broker_write_url", "amqp://rabbit//")
    assert found() == {"clarion.E002"}
    transport["confirm_publish"] = True
    assert found() == set()


def test_a_task_that_may_run_longer_than_its_message_is_hidden(
    transport: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    task: Task[Any, Any] = app.tasks["pipeline.expand"]
    monkeypatch.setattr(task, "time_limit", transport["visibility_timeout"] / checks.VISIBILITY_FACTOR + 1)
    assert found() == {"clarion.E003"}


def test_a_task_on_a_queue_that_nobody_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.conf, "task_queues", [queue for queue in app.conf.task_queues if queue.name != "jobs"])
    assert found() == {"clarion.E004"}


def test_another_channel_layer(settings: Any) -> None:
    ours = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**ours, "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}}
    assert found() == {"clarion.E005"}
    settings.CHANNEL_LAYERS = {}
    assert found() == {"clarion.E005"}
    settings.CHANNEL_LAYERS = {"default": {**ours, "CONFIG": {**ours["CONFIG"], "prefix": "another"}}}
    assert found() == {"clarion.E006"}


def test_connections_that_are_not_kept_and_a_pool_that_is_too_small(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = settings.DATABASES["default"]
    monkeypatch.setitem(app.conf, "worker_concurrency", 6)
    monkeypatch.setitem(settings.DATABASES, "default", {**ours, "CONN_MAX_AGE": 0})
    assert found() == {"clarion.W001"}
    pooled = {**ours, "CONN_MAX_AGE": 0, "OPTIONS": {**ours["OPTIONS"], "pool": True}}
    monkeypatch.setitem(settings.DATABASES, "default", pooled)
    assert found() == {"clarion.W002"}
    pooled["OPTIONS"]["pool"] = {"max_size": 6}
    assert found() == set()


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [-30, 30])
def test_clocks_that_differ(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    assert found(databases=["default"]) == set()
    real = time.time
    monkeypatch.setattr(checks.time, "time", lambda: real() + seconds)
    assert found(databases=["default"]) == {"clarion.W003"}


@pytest.mark.django_db
def test_too_few_connections_to_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.conf, "worker_concurrency", 1000)
    assert found(databases=["default"]) == {"clarion.W004"}


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_no_worker_consumes_is_found_and_only_where_servers_are_asked(valkey: str) -> None:
    deploy = {"include_deployment_checks": True}
    assert "clarion.W006" not in found(**deploy)
    with Worker("checked", queues=",".join(QUEUES), **on_test_database()):
        lost = [message.msg for message in run_checks(tags=[checks.TAG], databases=["default"], **deploy)]
    assert lost == ["No worker consumes the queue jobs."]


@pytest.mark.django_db
def test_a_broker_that_is_away(valkey: str) -> None:
    environment.BROKER.stop()
    try:
        # The channel layer may be the same server.
        assert found(databases=["default"], include_deployment_checks=True) - {"clarion.W010"} == {"clarion.W005"}
    finally:
        environment.BROKER.start()


@pytest.mark.parametrize(
    "column, ids",
    [("username", set()), ("first_name", set()), ("", set()), ("nick", {"clarion.W007"}), ("email", {"clarion.W008"})],
)
def test_the_name_of_actors(monkeypatch: pytest.MonkeyPatch, column: str, ids: set[str]) -> None:
    settings = get_settings().model_copy(update={"username_column": column})
    for module in (names, checks):
        monkeypatch.setattr(module, "get_settings", lambda: settings)
    assert found() == ids


def test_a_key_that_edges_do_not_know(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = ["an older key of the web app, which its edges do not know"]
    assert found() == {"clarion.W009"}
    settings.SECRET_KEY = "a key that the host has besides Clarion's, with fallbacks of its own"
    assert found() == set()


def test_an_engine_that_is_postgres_by_another_name(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django_prometheus.db.backends.postgresql")
    assert found() == set()
    monkeypatch.setattr(connections["default"], "vendor", "sqlite")
    assert found() == {"clarion.E007"}


def test_every_check_is_documented_and_tried_here() -> None:
    ids = set(_ids(Path(checks.__file__)))
    assert len([check for check in registry.get_checks() if check.__module__ == checks.__name__]) >= 5
    assert ids <= set(_ids(Path(__file__)))
    assert ids == set(_ids(ROOT / "docs/operations.md"))


def _ids(file: Path) -> list[str]:
    return re.findall(r"clarion\.[EW]\d{3}", file.read_text())


def test_check_deploy_is_clean_in_production() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLARION_")}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "examples.forum.settings",
        "CLARION_SECRET_KEY": "k9" * 40 + "a-b_c.d~e!f",
    }
    checked = subprocess.run(
        [str(BIN / "python"), "-m", "django", "check", "--deploy", "--fail-level", "INFO"],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert "no issues (0 silenced)" in checked.stdout


@pytest.mark.django_db
@pytest.mark.parametrize(
    "limit, too_small", [("33554432 8388608 60", True), ("0 0 0", False), ("268435456 1mb 60", True)]
)
def test_a_redis_that_ends_the_connection_of_an_edge_in_a_burst(valkey: str, limit: str, too_small: bool) -> None:
    deploy = {"databases": ["default"], "include_deployment_checks": True}
    name = "client-output-buffer-limit"
    with redis.Redis.from_url(environment.VALKEY.url) as client:
        before = client.config_get(name)[name]
        client.config_set(name, f"pubsub {limit}")
        try:
            assert ("clarion.W011" in found(**deploy)) is too_small
        finally:
            client.config_set(name, before)


def test_the_old_name_of_the_brokers_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_URL", "redis://old")
    assert found() == set()  # the project's own, since Clarion has its variable
    monkeypatch.delenv("CLARION_BROKER_URL")
    assert found() == {"clarion.W012"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.parametrize("of", ["role", "options"])
def test_transactions_that_are_not_read_committed(of: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set by an administrator of the server, or by OPTIONS of the project."""
    connection = connections["default"]
    assert found(databases=["default"]) == set()
    if of == "options":
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "isolation_level", LEVELS[level])
    else:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER ROLE CURRENT_USER SET default_transaction_isolation = '{level}'")
    connection.close()
    try:
        assert found(databases=["default"]) == {"clarion.E008"}
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER ROLE CURRENT_USER RESET default_transaction_isolation")
        connection.close()
