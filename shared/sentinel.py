"""A Redis behind Sentinel, configured by one URL.

Input: `sentinel://user:password@host:26379;host:26379/NAME/DB?sentinel_password=…`; only the first host and the name
are required. Output: its parts for the channel layer and for Celery. Each new connection asks the sentinels for the
current primary, so it follows a failover. Raises ValueError for a malformed URL.
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

SCHEME: Final = "sentinel"

DEFAULT_PORT = 26379

#: A sentinel that answers later than this is passed over for the next (seconds).
ASK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A Redis by the name that sentinels know it by."""

    sentinels: tuple[tuple[str, int], ...]
    name: str
    database: int
    username: str | None
    password: str | None
    sentinel_password: str | None

    @property
    def sentinel_options(self) -> dict[str, Any]:
        """Options of the connections to the sentinels."""
        options: dict[str, Any] = {"socket_timeout": ASK_SECONDS, "socket_connect_timeout": ASK_SECONDS}
        return options | ({"password": self.sentinel_password} if self.sentinel_password else {})

    def for_the_layer(self) -> dict[str, Any]:
        """Return the host as the channel layer needs it."""
        host: dict[str, Any] = {
            "sentinels": list(self.sentinels),
            "master_name": self.name,
            "sentinel_kwargs": self.sentinel_options,
            "db": self.database,
            "username": self.username,
            "password": self.password,
        }
        return {name: value for name, value in host.items() if value is not None}

    def for_celery(self) -> tuple[str, dict[str, Any]]:
        """Return the broker's URL as kombu needs it, and its transport options."""
        who = ""
        if self.password is not None:
            who = f"{quote(self.username or '', safe='')}:{quote(self.password, safe='')}@"
        url = ";".join(f"{SCHEME}://{who}{host}:{port}/{self.database}" for host, port in self.sentinels)
        return url, {"master_name": self.name, "sentinel_kwargs": self.sentinel_options}


def watched(url: str) -> Watched | None:
    """Parse a URL of Sentinel; None for another kind of URL."""
    if not url.startswith(f"{SCHEME}://"):
        return None
    # The hosts are taken apart here; the rest has the form of any URL.
    beginning, slash, path = url.removeprefix(f"{SCHEME}://").partition("/")
    who, _, hosts = beginning.rpartition("@")
    split = urlsplit(f"{SCHEME}://{who}{'@' if who else ''}host{slash}{path}")
    name, _, database = split.path.strip("/").partition("/")
    if not name or not hosts or not (database or "0").isdecimal():
        raise ValueError(f"a URL of Sentinel is {SCHEME}://host:{DEFAULT_PORT};host:{DEFAULT_PORT}/NAME/DB")
    passwords = parse_qs(split.query).get("sentinel_password")
    return Watched(
        sentinels=tuple(_address(host) for host in hosts.split(";")),
        name=name,
        database=int(database or 0),
        username=unquote(split.username) if split.username else None,
        password=unquote(split.password) if split.password else None,
        sentinel_password=passwords[0] if passwords else None,
    )


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.strip().rpartition(":") if ":" in host else (host, "", "")
    return name.strip("[]"), int(port or DEFAULT_PORT)
