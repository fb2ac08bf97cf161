"""Findings of `manage.py clarion doctor` about the project and its servers, and the output of `clarion env`."""

import json
import os
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from clarion.pipeline.doctor import project, servers
from clarion.shared import database
from clarion.shared import settings as settings_module
from clarion.shared.edge_settings import edge_settings
from clarion.shared.settings import Settings
from tests import environment
from tests.docs.blocks import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


def problems() -> dict[str, str]:
    """The problems of the project, with their remedies."""
    return {
        finding.text: finding.remedy
        for finding in project.examine()
        if finding.remedy and "(clarion." not in finding.text
    }


def test_project_without_problem() -> None:
    """The demo has no problem."""
    assert problems() == {}


@pytest.mark.parametrize(
    "name, remedy",
    [
        ("CLARION_RETENTON_DAYS", "Did you mean CLARION_RETENTION_DAYS?"),
        ("CLARION_COLOUR_OF_BELL", "Remove it, or see docs/settings.md."),
    ],
)
def test_unknown_variable(monkeypatch: pytest.MonkeyPatch, name: str, remedy: str) -> None:
    """A variable that is no setting is a problem."""
    monkeypatch.setenv(name, "7")
    assert problems() == {f"The variable {name} is no setting and has no effect.": remedy}


def test_variables_of_our_own_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable that a file of ours sets is unknown."""
    files = [ROOT / "compose.yml", ROOT / "Procfile", *(ROOT / "dev").glob("*.py"), *(ROOT / "deploy").glob("**/*.*")]
    named = {name for file in files for name in re.findall(r"\bCLARION_[A-Z_]*[A-Z]\b", file.read_text())}
    assert len(named) > 20
    for name in named - set(os.environ):
        monkeypatch.setenv(name, "7")
    assert problems() == {}


def test_former_variable_of_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """BROKER_URL, which Celery gives to every app, is a problem."""
    monkeypatch.delenv("CLARION_BROKER_URL")
    monkeypatch.setenv("BROKER_URL", "redis://127.0.0.1:6379/0")
    assert list(problems().values()) == ["Name it CLARION_BROKER_URL."]


@pytest.mark.parametrize(
    "name, value, text",
    [
        ("ROOT_URLCONF", "tests.integration.no_urls", "No URL leads to the API of the inbox"),
        ("SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies", "whose sessions are not in Postgres"),
        ("STATICFILES_FINDERS", [], "The static file clarion/elements.js is not found"),
    ],
)
def test_wrong_setting(settings: Any, name: str, value: object, text: str) -> None:
    """A setting that keeps pages from the inbox is a problem."""
    setattr(settings, name, value)
    (found,) = problems()
    assert text in found


def test_missing_migration() -> None:
    """A migration of Clarion that is not applied is a problem, and that of another app is not."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET app = 'x' || app WHERE app IN ('clarion_pipeline', 'admin')")
    try:
        assert {name.split(".")[0] for name in servers.unapplied_migrations()} == {"clarion_pipeline"}
        assert next(servers.examine()).remedy == "Run `manage.py migrate`."
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE django_migrations SET app = substr(app, 2) WHERE app LIKE 'x%'")


def test_servers(valkey: str) -> None:
    """A broker and a channel layer that are away are named."""
    assert [finding.remedy for finding in servers.examine()] == ["", "", ""]
    environment.BROKER.stop()
    try:
        texts = [finding.text for finding in servers.examine() if finding.remedy]
    finally:
        environment.BROKER.start()
    assert texts
    assert texts[0].startswith("The broker does not answer")


def printed(form: str) -> str:
    """The output of `clarion env`."""
    out = StringIO()
    call_command("clarion", "env", format=form, stdout=out)
    return out.getvalue()


def test_environment_of_edge(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edge with the printed variables has the settings that the project's edges need."""
    settings.SESSION_COOKIE_NAME = "it's mine"
    monkeypatch.delenv("CLARION_SESSION_COOKIE", raising=False)
    monkeypatch.setattr(settings_module, "_settings", None)
    found = json.loads(printed("json"))
    for name in found:
        monkeypatch.setenv(name, found[name])
    needed = edge_settings()
    assert database.parse(found["DATABASE_URL"]).parameters["dbname"] == connection.settings_dict["NAME"]
    for field in ("secret_key", "channel_layer_url", "user_table", "user_key", "username_column", "user_active_column"):
        assert getattr(Settings(), field) == getattr(needed, field), field
    assert "CLARION_BROKER_URL" not in found
    assert "export DJANGO_SETTINGS_MODULE=clarion.edge.settings\n" in printed("shell")
    assert f"\nDATABASE_URL={found['DATABASE_URL']}\n" in printed("dotenv")


def test_value_with_comma(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that cannot stand in a list of the environment is refused with what to do."""
    monkeypatch.delenv("CLARION_SECRET_KEY")
    monkeypatch.setattr(settings_module, "_settings", None)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "x" * 50, ["with, a comma" * 5]
    with pytest.raises(CommandError, match="CLARION_SECRET_KEY_FALLBACKS is separated by commas"):
        printed("shell")


@pytest.mark.parametrize(
    "django",
    [
        {"NAME": "a b", "USER": "me@x", "PASSWORD": "p@ss/%w:rd+&,", "HOST": "db.example", "PORT": 5433},
        {"NAME": "shelf", "USER": "me", "PASSWORD": "x", "HOST": "/var/run/postgresql", "PORT": ""},
        {"NAME": "shelf", "USER": "me", "HOST": "a,b", "PORT": "1,2", "OPTIONS": {"target_session_attrs": "any"}},
        {"NAME": "shelf", "OPTIONS": {"sslmode": "require", "pool": True, "isolation_level": 2}},
        {"NAME": "", "OPTIONS": {"service": "shelf"}},
    ],
)
def test_url_of_database(django: dict[str, Any]) -> None:
    """The URL of an entry of DATABASES has the same parameters."""
    named = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    options = {
        name: value for name, value in django.get("OPTIONS", {}).items() if name not in ("pool", "isolation_level")
    }
    expected = {named[name]: str(value) for name, value in django.items() if name in named and value} | options
    assert database.parse(database.to_url(django)).parameters.items() >= expected.items()
