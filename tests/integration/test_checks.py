"""`manage.py check` finds each misconfiguration, and nothing with correct settings."""

import os
import re
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from celery.app.task import Task
from django.core.checks import run_checks
from django.core.checks.registry import registry
from django.db import connection, connections, models
from psycopg import IsolationLevel
from pydantic import SecretStr

from clarion.pipeline import checks
from clarion.pipeline.celery.app import app
from clarion.pipeline.celery.queues import QUEUES
from clarion.shared import user_model
from clarion.shared.settings import get_settings
from clarion.shared.user_keys import KeyType
from tests import environment
from tests.acceptance.conftest import on_test_database
from tests.processes import BIN, Worker

LEVELS = {"repeatable read": IsolationLevel.REPEATABLE_READ, "serializable": IsolationLevel.SERIALIZABLE}
ROOT = Path(__file__).resolve().parents[2]


def found(**options: Any) -> set[str | None]:
    """Return the ids of what is found, of no database unless named: Django 6.1 would take all."""
    return {message.id for message in run_checks(tags=[checks.TAG], **{"databases": []} | options)}


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options of the connection to the broker, to be spoilt."""
    options = dict(app.conf.broker_transport_options)
    monkeypatch.setitem(app.conf, "broker_transport_options", options)
    return options


def test_correct_settings() -> None:
    """Correct settings pass every check."""
    assert found() == set()


@pytest.mark.parametrize("name", ["socket_timeout", "socket_connect_timeout"])
def test_missing_broker_time_out(transport: dict[str, Any], name: str) -> None:
    """A missing time-out of the broker's socket is an error."""
    del transport[name]
    assert found() == {"clarion.E001"}


def test_rabbitmq_without_confirmation(transport: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """RabbitMQ without publisher confirms is an error."""
    monkeypatch.setitem(app.conf, "broker_write_url", "amqp://rabbit//")
    assert found() == {"clarion.E002"}
    transport["confirm_publish"] = True
    assert found() == set()


def test_too_long_time_limit(transport: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A task whose time limit is too long for the visibility timeout is an error."""
    task: Task[Any, Any] = app.tasks["pipeline.expand"]
    monkeypatch.setattr(task, "time_limit", transport["visibility_timeout"] / checks.VISIBILITY_FACTOR + 1)
    assert found() == {"clarion.E003"}


def test_undeclared_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task on an undeclared queue is an error."""
    monkeypatch.setitem(app.conf, "task_queues", [queue for queue in app.conf.task_queues if queue.name != "jobs"])
    assert found() == {"clarion.E004"}


def test_channel_layers_of_project(settings: Any) -> None:
    """A project may have no channel layer or one of another class; one of Clarion's has to be the edges'."""
    ours = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {}
    assert found() == set()
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}, "clarion": ours}
    assert found() == set()
    settings.CHANNEL_LAYERS["clarion"] = {**ours, "CONFIG": {**ours["CONFIG"], "prefix": "another"}}
    assert found() == {"clarion.E006"}


def test_connection_age_and_pool_size(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpersistent connections and a pool smaller than the workers' concurrency are warnings."""
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
def test_clock_difference(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """A clock that differs from that of Postgres by half a minute is a warning."""
    assert found(databases=["default"]) == set()
    real = time.time
    monkeypatch.setattr(checks.time, "time", lambda: real() + seconds)
    assert found(databases=["default"]) == {"clarion.W003"}


@pytest.mark.django_db
def test_too_few_connections_to_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer connections of Postgres than the workers need is a warning."""
    monkeypatch.setitem(app.conf, "worker_concurrency", 1000)
    assert found(databases=["default"]) == {"clarion.W004"}


@pytest.mark.django_db
def test_log_settings_of_large_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too low settings of the write-ahead log are a warning where there are millions of notifications."""
    monkeypatch.setattr(checks, "LARGE_ROWS", 0)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clarion_notification")
    (warning,) = run_checks(tags=[checks.TAG], databases=["default"])
    assert warning.id == "clarion.W013"
    assert all(f"{name} is " in warning.msg for name in ("wal_compression", "max_wal_size", "checkpoint_timeout"))


@pytest.mark.django_db
def test_autovacuum_of_tables() -> None:
    """Every table that grows with the number of notifications has settings of its own for autovacuum."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'clarion%' AND 'autovacuum_vacuum_scale_factor=0.05' ="
            " ANY(reloptions)"
        )
        found_ones = {name for (name,) in cursor.fetchall()}
    assert found_ones == {
        f"clarion_{name}" for name in ("inbox", "notification", "change", "collapse", "event", "batch")
    }


@pytest.mark.django_db(transaction=True)
def test_queue_without_worker(valkey: str) -> None:
    """A queue without a worker is a warning, if the servers are checked as well."""
    deploy = {"include_deployment_checks": True}
    assert "clarion.W006" not in found(**deploy)
    with Worker("checked", queues=",".join(QUEUES), **on_test_database()):
        lost = [message.msg for message in run_checks(tags=[checks.TAG], databases=["default"], **deploy)]
    assert lost == ["No worker consumes the queue jobs."]


@pytest.mark.django_db
def test_unavailable_broker(valkey: str) -> None:
    """An unavailable broker is a warning."""
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
def test_username_column(monkeypatch: pytest.MonkeyPatch, column: str, ids: set[str]) -> None:
    """An unknown column for the names of actors, or one with e-mail addresses, is a warning."""
    settings = get_settings().model_copy(update={"username_column": column})
    for module in (user_model, checks):
        monkeypatch.setattr(module, "get_settings", lambda: settings)
    assert found() == ids


def test_key_unknown_to_edges(settings: Any) -> None:
    """A fallback of the secret key that the edges do not know is a warning."""
    settings.SECRET_KEY_FALLBACKS = ["an older key of the web app, which its edges do not know"]
    assert found() == {"clarion.W009"}
    settings.SECRET_KEY = "a key that the host has besides Clarion's, with fallbacks of its own"
    assert found() == set()


def test_short_secret_key(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's secret key is an error if it is too short to sign tokens."""
    settings.SECRET_KEY = "short"
    without = get_settings().model_copy(update={"secret_key": SecretStr("")})
    monkeypatch.setattr(checks, "get_settings", lambda: without)
    assert found() == {"clarion.E011"}


def test_sqlite(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another database than Postgres is one error, also if the database is checked."""
    monkeypatch.setattr(connections["default"], "vendor", "sqlite")
    assert found(databases=["default"]) == {"clarion.E007"}


def test_wrapped_postgres_engine(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrapped engine of Postgres is accepted."""
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django_prometheus.db.backends.postgresql")
    assert found() == set()


@pytest.mark.parametrize(
    "field, kind",
    [
        (models.SmallAutoField(primary_key=True), KeyType.INTEGER),
        (models.BigAutoField(primary_key=True), KeyType.INTEGER),
        (models.PositiveIntegerField(primary_key=True), KeyType.INTEGER),
        (models.UUIDField(primary_key=True), KeyType.UUID),
        (models.SlugField(primary_key=True), KeyType.TEXT),
        (models.EmailField(primary_key=True), KeyType.TEXT),
        (models.TextField(primary_key=True), KeyType.TEXT),
        (models.DecimalField(primary_key=True, max_digits=9, decimal_places=0), None),
        (models.DateField(primary_key=True), None),
    ],
)
def test_type_of_primary_key(monkeypatch: pytest.MonkeyPatch, field: Any, kind: KeyType | None) -> None:
    """The primary key of the user model must be an integer, a UUID or a text, and edges must be given its type."""
    model = SimpleNamespace(__name__="Member", _meta=SimpleNamespace(pk=field))
    for module in (user_model, checks):
        monkeypatch.setattr(module, "get_user_model", lambda: model)
    assert user_model.supported_type() is kind
    found = [(message.id, message.hint) for message in checks.user_keys()]
    if kind is None:
        assert [number for number, _ in found] == ["clarion.E009"]
    elif kind is KeyType.INTEGER:
        assert found == []
    else:
        assert found == [("clarion.E010", f"Set CLARION_USER_KEY={kind}, for edges too.")]


def test_documented_checks() -> None:
    """Every check is documented and has a test in this file."""
    ids = set(_ids(Path(checks.__file__)))
    assert len([check for check in registry.get_checks() if check.__module__ == checks.__name__]) >= 5
    assert ids <= set(_ids(Path(__file__)))
    assert ids == set(_ids(ROOT / "docs/checks.md"))


def _ids(file: Path) -> list[str]:
    return re.findall(r"clarion\.[EW]\d{3}", file.read_text())


def test_check_deploy_in_production() -> None:
    """`check --deploy` has no findings with production settings."""
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
def test_redis_output_buffer_limit(valkey: str, limit: str, too_small: bool) -> None:
    """Too small an output buffer limit of Redis is a warning."""
    deploy = {"databases": ["default"], "include_deployment_checks": True}
    name = "client-output-buffer-limit"
    with redis.Redis.from_url(environment.VALKEY.url) as client:
        before = client.config_get(name)[name]
        client.config_set(name, f"pubsub {limit}")
        try:
            assert ("clarion.W011" in found(**deploy)) is too_small
        finally:
            client.config_set(name, before)


def test_former_broker_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The former name of the broker's variable is a warning if the new one is missing."""
    monkeypatch.setenv("BROKER_URL", "redis://old")
    assert found() == set()  # the project's own, since Clarion has its variable
    monkeypatch.delenv("CLARION_BROKER_URL")
    assert found() == {"clarion.W012"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.parametrize("of", ["role", "options"])
def test_isolation_level(of: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An isolation level other than read committed is an error.

    An administrator of the server may have set it, or OPTIONS of the project.
    """
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
