"""The stack with Prometheus, for the tests of the runbook.

Input: the test database and the run's Valkey, which is the broker. Output: web, a worker and an edge with their own
channel layer, so that one Redis can be away and the other not; a Prometheus that scrapes them by the rules of
`deploy/alerts.yml`; sockets of users; and the actions of a reader of the runbook.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import httpx
from django.contrib.auth.models import User
from django.core.management import call_command
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from clarion.shared.protocol import SUBPROTOCOL
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from dev.prometheus import Prometheus
from dev.servers import Valkey
from tests.acceptance.conftest import on_test_database
from tests.client import INBOX
from tests.environment import FOLDER
from tests.processes import PATIENCE_SECONDS, Edge, Process, Web, Worker, wait_until

TOKEN = "a token that only Prometheus and the web app of this test know"
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
RULES = (Path(__file__).resolve().parents[2] / "deploy/alerts.yml").read_text()


@dataclass
class System:
    """The watched processes, and Prometheus."""

    web: Web
    worker: Worker
    edge: Edge
    layer: Valkey
    prometheus: Prometheus

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """All of it, each rule evaluated once."""
        layer = Valkey(FOLDER / "watched-layer")
        here = on_test_database() | {"CHANNEL_LAYER_URL": layer.database_url(1)}
        edge = Edge("watched-edge", CLARION_QUIET_LOSS_SECONDS="1", CLARION_DATABASE_TIMEOUT_SECONDS="1", **here)
        web = Web("watched-web", edge, CLARION_SERVICE_TOKENS=TOKEN, **here)
        worker = Worker("watched-worker", **here)
        jobs = {
            "edge": (edge.port, "/metrics"),
            "worker": (worker.port, "/metrics"),
            "web": (web.port, "/api/metrics"),
        }
        prometheus = Prometheus(FOLDER / "prometheus", jobs=jobs, token=TOKEN, rules=RULES)
        with layer, edge, web, worker, prometheus:
            wait_until(lambda: prometheus.evaluated() == RULES.count("- alert:"), prometheus.unwell)
            yield cls(web, worker, edge, layer, prometheus)

    def raises(self, *alerts: str) -> None:
        """Prometheus raises these, and no other."""
        wait_until(
            lambda: self.prometheus.firing().keys() == set(alerts), lambda: f"{set(self.prometheus.firing())} fire"
        )

    def raises_among_others(self, *alerts: str, by: Callable[[], object] = lambda: None) -> dict[str, str]:
        """Repeat an action until Prometheus raises these alerts; return their texts."""
        seen: dict[str, str] = {}

        def raised() -> bool:
            by()
            seen.update(self.prometheus.firing())
            return set(alerts) <= seen.keys()

        wait_until(raised, lambda: f"{set(seen)} fired")
        return {alert: seen[alert] for alert in alerts}

    @contextmanager
    def otherwise(self, process: Process, **environment: str) -> Iterator[None]:
        """A process with these of its variables other than it should have; then started anew with the right ones."""
        right = process.environment
        try:
            process.kill()
            process.environment = right | environment
            process.start()
            yield
        finally:
            process.kill()
            process.environment = right
            process.start()

    def records(self, to: User, key: str) -> None:
        """Record an event for `to`, as a request of another service."""
        payload = {"kind": "EXPORT_COMPLETE", "recipients": [to.pk], "data": {"file": "a.csv"}}
        answer = httpx.post(
            f"{self.web.url}/api/events",
            json={"name": "clarion.notice.given.v1", "payload": payload, "key": key},
            headers=AUTHORIZATION,
            timeout=PATIENCE_SECONDS,
        )
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text

    def web_counts(self) -> str:
        """Return the metrics of web."""
        return httpx.get(f"{self.web.url}/api/metrics", headers=AUTHORIZATION, timeout=PATIENCE_SECONDS).text


class Listener:
    """A socket of one user, read as the test goes."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.seq = 0

    def next(self) -> dict[str, Any]:
        """The next frame."""
        frame: dict[str, Any] = json.loads(self._connection.recv(timeout=PATIENCE_SECONDS))
        if frame["type"] in INBOX:
            self.seq = frame["seq"]
        return frame

    def until(self, seq: int) -> None:
        """Read until the change of this seq has come."""
        while self.seq < seq:
            self.next()

    def closed(self) -> int | None:
        """Read on until the edge closes; the code. This client can lose frames that come with the end."""
        try:
            while True:
                self.next()
        except ConnectionClosed as closed:
            return closed.rcvd and closed.rcvd.code

    def nothing_came(self) -> None:
        """A ping is answered by the very next frame."""
        self._connection.send('{"type": "ping"}')
        assert self.next() == {"type": "pong"}


@contextmanager
def listening(edge: Edge, user: User, **cursor: int | str) -> Iterator[Listener]:
    """A socket of `user`, nothing read of it."""
    token, _ = mint(user.pk, get_settings())
    offers: list[Any] = [SUBPROTOCOL, f"bearer.{token}"]
    # Unread frames wait here and not in the network, where they would delay the answers to pings.
    with connect(f"{edge.url}?{urlencode(cursor)}", subprotocols=offers, max_queue=None) as connection:
        yield Listener(connection)


def said_by(*command: str) -> str:
    """Run a command of Django; return its output."""
    out = StringIO()
    call_command(*command, stdout=out, stderr=out)
    return out.getvalue()
