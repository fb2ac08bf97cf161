"""Parses `DATABASE_URL` once, for Django and for the edge's own connections.

Input: a URL as libpq reads it, or one of Django's worlds: `postgis://`, `?pool=true`, `?conn_max_age=0`,
`?currentSchema=…`. Output: the parameters of a connection, the same on both sides, and options for Django alone.
Raises ValueError for a URL that cannot be read, without its password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

_POSTGRES: Final = "django.db.backends.postgresql"
#: Django's engine by the scheme of the URL. All of them are Postgres.
ENGINES: Final = {
    "postgresql": _POSTGRES,
    "postgres": _POSTGRES,
    "pgsql": _POSTGRES,
    "postgresql+psycopg": _POSTGRES,
    "postgis": "django.contrib.gis.db.backends.postgis",
    "timescale": "timescale.db.backends.postgresql",
    "timescalegis": "timescale.db.backends.postgis",
}

#: A new connection costs some 4 ms, so that it is kept for a while (seconds).
CONN_MAX_AGE: Final = 600

#: A Postgres whose machine has vanished says nothing, not even that a connection is gone. With these libpq gives up
#: after half a minute (seconds, the last in milliseconds).
VANISHED: Final[dict[str, Any]] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}

#: Longest wait for a connection, unless the URL says otherwise (seconds).
CONNECT_TIMEOUT: Final = 5

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


@dataclass(frozen=True, slots=True)
class Database:
    """One Postgres: parameters of libpq, by their names, and what Django does with its connections."""

    parameters: dict[str, Any]
    engine: str = _POSTGRES
    pool: bool | dict[str, Any] = False
    conn_max_age: int | None = CONN_MAX_AGE
    conn_health_checks: bool = True

    @property
    def conninfo(self) -> str:
        """The connection string of libpq."""
        return make_conninfo(**self.parameters)

    @property
    def for_django(self) -> dict[str, Any]:
        """The entry for `DATABASES`. Server-side cursors are off, so that PgBouncer in transaction mode works."""
        rest = dict(self.parameters)
        named = {name: str(rest.pop(key, "")) for name, key in _NAMED.items()}
        options = rest | ({"pool": self.pool} if self.pool else {})
        return named | {
            "ENGINE": self.engine,
            "CONN_MAX_AGE": 0 if self.pool else self.conn_max_age,  # a pool keeps the connections itself
            "CONN_HEALTH_CHECKS": self.conn_health_checks,
            "DISABLE_SERVER_SIDE_CURSORS": True,
            "OPTIONS": options,
        }


_NAMED: Final = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}


def parse(url: str) -> Database:
    """Return the database that a URL names."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ENGINES:
        raise ValueError(f"DATABASE_URL starts with none of {', '.join(f'{one}://' for one in ENGINES)}")
    address, _, query = rest.partition("?")
    # As libpq reads it: a plus is a plus.
    given = {
        unquote(name): unquote(value) for name, _, value in (part.partition("=") for part in query.split("&") if part)
    }
    django = {name: given.pop(name) for name in ("pool", "conn_max_age", "conn_health_checks") if name in given}
    if schema := given.pop("currentSchema", None):
        given["options"] = " ".join(filter(None, (given.get("options"), f"-c search_path={schema}")))
    try:
        parameters = conninfo_to_dict(f"postgresql://{address}?{urlencode(given, quote_via=quote)}")
    except ProgrammingError as error:
        raise ValueError(f"DATABASE_URL cannot be read: {_without_secrets(str(error), address)}") from None
    if not parameters.get("dbname") and not parameters.get("service"):
        raise ValueError("DATABASE_URL names no database: postgresql://user:password@host:5432/NAME")
    host, port = str(parameters.get("host", "")), str(parameters.pop("port", ""))
    if "@" in host or not re.fullmatch(r"[0-9,]*", port):
        raise ValueError("DATABASE_URL has no host and port that can be read: percent-encode its password (%40 for @)")
    if port.strip(","):
        parameters["port"] = port
    if "," in host:
        parameters.setdefault("target_session_attrs", "read-write")  # the primary, whichever host it is on
    return Database(
        {"connect_timeout": CONNECT_TIMEOUT, **VANISHED, **parameters},
        ENGINES[scheme],
        _pool(django.get("pool", "false")),
        _age(django.get("conn_max_age", str(CONN_MAX_AGE))),
        _flag("conn_health_checks", django.get("conn_health_checks", "true")),
    )


def to_url(django: Mapping[str, Any]) -> str:
    """Return the DATABASE_URL of an entry of Django's DATABASES, the parameters of libpq among its OPTIONS included."""
    known = {one.keyword.decode() for one in Conninfo.get_defaults()}
    given = {key: django.get(name) for name, key in _NAMED.items()}
    given |= {name: value for name, value in django.get("OPTIONS", {}).items() if name in known}
    rest = {name: quote(str(value), safe="") for name, value in given.items() if value not in (None, "")}
    address = ""
    if re.fullmatch(r"[\w.-]+", rest.get("host", "")) and "user" in rest:  # neither a socket nor several hosts
        who = ":".join(rest.pop(name) for name in ("user", "password") if name in rest)
        where = ":".join(rest.pop(name) for name in ("host", "port") if name in rest)
        address = f"{who}@{where}"
    path, query = rest.pop("dbname", ""), "&".join(f"{name}={value}" for name, value in rest.items())
    return f"postgresql://{address}/{path}" + (f"?{query}" if query else "")


def _pool(text: str) -> bool | dict[str, Any]:
    """Parse `true`, or a maximum number of connections."""
    if text.isdecimal() and text not in ("0", "1"):
        return {"min_size": 1, "max_size": int(text)}
    return _flag("pool", text)


def _age(text: str) -> int | None:
    if text.lower() == "none":
        return None
    if not text.isdecimal():
        raise ValueError("conn_max_age of DATABASE_URL is a number of seconds, or None")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise ValueError(f"{name} of DATABASE_URL is true or false")
    return text.lower() in _TRUE


def _without_secrets(text: str, address: str) -> str:
    """Return the message of libpq without the user and password that it may quote."""
    who = address.rpartition("@")[0]
    shown = text.strip().replace(who, "…") if who else text.strip()
    password = who.partition(":")[2]
    return re.sub(r'"[^"]*"', '"…"', shown) if password and password in shown else shown
