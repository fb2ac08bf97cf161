"""`DATABASE_URL` is read once, so that Django and the edge connect to the same Postgres in the same way."""

from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError

from clarion.shared.database import CONNECT_TIMEOUT, VANISHED, parse
from clarion.shared.settings import Settings

PLAIN: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, **VANISHED}


@pytest.mark.parametrize(
    "url, expected",
    [
        ("postgresql://u:p@h:5432/d", {"user": "u", "password": "p", "host": "h", "port": "5432", "dbname": "d"}),
        ("postgres://u:p%40%2F%3A%23,+@h/d", {"user": "u", "password": "p@/:#,+", "host": "h", "dbname": "d"}),
        ("postgresql://h/d?password=a+b%26c", {"password": "a+b&c", "host": "h", "dbname": "d"}),
        ("postgresql:///d?host=/var/run/postgresql", {"host": "/var/run/postgresql", "dbname": "d"}),
        ("postgresql://u@%2Fvar%2Frun%2Fpostgresql/d", {"user": "u", "host": "/var/run/postgresql", "dbname": "d"}),
        (
            "postgresql://u:pä@[::1]:5432/d",
            {"user": "u", "password": "pä", "host": "::1", "port": "5432", "dbname": "d"},
        ),
        ("postgresql://h/d?sslmode=require", {"host": "h", "dbname": "d", "sslmode": "require"}),
        ("postgresql://h/d?connect_timeout=2", {"host": "h", "dbname": "d", "connect_timeout": "2"}),
        ("postgresql://h/d?currentSchema=app", {"host": "h", "dbname": "d", "options": "-c search_path=app"}),
        ("postgresql://h/d?options=-csearch_path%3Dapp", {"host": "h", "dbname": "d", "options": "-csearch_path=app"}),
        (
            "postgresql://h1:5432,h2:5433/d",
            {"host": "h1,h2", "port": "5432,5433", "dbname": "d", "target_session_attrs": "read-write"},
        ),
        (
            "postgresql://h1,h2/d?target_session_attrs=any",
            {"host": "h1,h2", "dbname": "d", "target_session_attrs": "any"},
        ),
        ("postgis://h/d", {"host": "h", "dbname": "d"}),
        ("postgresql+psycopg://h/d?pool=true", {"host": "h", "dbname": "d"}),
        ("postgresql://h/d?conn_max_age=0&conn_health_checks=false", {"host": "h", "dbname": "d"}),
    ],
)
def test_database_url(url: str, expected: dict[str, Any]) -> None:
    """Django and the edge derive the same connection parameters from DATABASE_URL."""
    settings = Settings(debug=True, DATABASE_URL=url)  # type: ignore[call-arg]
    edge = conninfo_to_dict(settings.conninfo)
    assert {name: str(value) for name, value in edge.items()} == {
        name: str(value) for name, value in (PLAIN | expected).items()
    }
    web = settings.django_database()
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    given = {libpq: web[django] for django, libpq in names.items() if web[django]}
    given |= {name: value for name, value in web["OPTIONS"].items() if name != "pool"}
    assert {name: str(value) for name, value in given.items()} == {name: str(value) for name, value in edge.items()}


def test_django_only_options() -> None:
    """The engine, connection age, health checks and pool are set for Django only."""
    assert parse("postgis://h/d").for_django["ENGINE"] == "django.contrib.gis.db.backends.postgis"
    kept = parse("postgresql://h/d").for_django
    assert (kept["CONN_MAX_AGE"], kept["CONN_HEALTH_CHECKS"], "pool" in kept["OPTIONS"]) == (600, True, False)
    pooled = parse("postgresql://h/d?pool=8").for_django
    assert (pooled["CONN_MAX_AGE"], pooled["OPTIONS"]["pool"]) == (0, {"min_size": 1, "max_size": 8})
    own = parse("postgresql://h/d?conn_max_age=none&conn_health_checks=0").for_django
    assert (own["CONN_MAX_AGE"], own["CONN_HEALTH_CHECKS"]) == (None, False)


@pytest.mark.parametrize(
    "url, reason",
    [
        ("mysql://u:s3cret@h/d", "starts with none of"),
        ("s3cret", "starts with none of"),
        ("postgresql://u:s3cret@h", "names no database"),
        ("postgresql://u:s3cret@h/d?nonsense=1", "cannot be read"),
        ("postgresql://u:s3%zzcret@h/d", "cannot be read"),
        ("postgresql://u:s3@cret@h/d", "percent-encode"),
        ("postgresql://u:s3cret@h:port/d", "percent-encode"),
        ("postgresql://u:s3cret@h/d?pool=perhaps", "true or false"),
        ("postgresql://u:s3cret@h/d?conn_max_age=long", "number of seconds"),
    ],
)
def test_malformed_database_url(url: str, reason: str) -> None:
    """A malformed DATABASE_URL is refused at start, and the error does not show the password."""
    with pytest.raises(ValidationError, match=reason) as refused:
        Settings(debug=True, DATABASE_URL=url)  # type: ignore[call-arg]
    assert "cret" not in str(refused.value)
