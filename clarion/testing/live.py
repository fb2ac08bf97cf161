"""A live edge: a page of a live server receives notifications in a browser, as it would in production.

Input: the address of the live server. Output: an edge in a process of its own, on the database of the test; and in this
process, which stands in for the workers, each event is delivered as soon as it is committed. It needs the Redis of
CHANNEL_LAYER_URL, whose other users do not see the messages of the test: channels are named after the database.
"""

import json
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from os import environ, pathsep
from pathlib import Path
from typing import Any, Final
from unittest import mock

from django.db import connection

from ..pipeline.edge_environment import environment
from ..pipeline.management.children import Child, end_all
from ..shared import settings as settings_of_process
from ..shared.edge_settings import edge_settings
from ..shared.installation import installation
from ..shared.settings import get_settings
from .isolation import working_inline

#: Longest wait for the edge; it usually takes one or two (seconds).
START_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.05
ANSWER_SECONDS: Final = 5.0
#: Lines of the edge's output that an error shows.
LINES: Final = 20

_PACKAGES: Final = str(Path(__file__).resolve().parents[2])


class EdgeNotReady(RuntimeError):
    """The edge did not start, or reaches no Redis or Postgres."""


@dataclass(frozen=True, slots=True)
class LiveEdge:
    """A running edge. Pages know its port as the setting PUBLIC_EDGE_PORT, which `{% clarion_bell %}` reads."""

    port: int
    output: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))

    @property
    def url(self) -> str:
        """Address of its HTTP side."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        """Address of its WebSockets."""
        return f"ws://127.0.0.1:{self.port}/ws/notification-updates/"


@contextmanager
def live_edge(*origins: str) -> Iterator[LiveEdge]:
    """Run an edge for the pages of these origins, such as `self.live_server_url`, and deliver events when they commit.

    Use it in a `LiveServerTestCase` or a `TransactionTestCase`, because an edge sees committed rows only. Raises
    EdgeNotReady.
    """
    if connection.in_atomic_block:
        raise EdgeNotReady(
            "an edge does not see the rows of an open transaction: use live_edge() in a LiveServerTestCase or a "
            "TransactionTestCase, or with the fixture transactional_db"
        )
    edge = LiveEdge(_free_port())
    child = Child("edge", _command(edge.port), lambda _, line: edge.output.append(line), _environment(origins))
    public = get_settings().model_copy(update={"public_edge_port": edge.port})
    installation.cache_clear()  # it may be that of the project's own database
    try:
        child.start()
        _wait(child, edge)
        with mock.patch.object(settings_of_process, "_settings", public), working_inline():
            yield edge
    finally:
        end_all([child])
        installation.cache_clear()


def _command(port: int) -> tuple[str, ...]:
    options = ("--verbosity=0", "--websocket_timeout=-1", "--bind=127.0.0.1", f"--port={port}")
    return (sys.executable, "-m", "daphne", *options, "clarion.edge.asgi:application")


def _environment(origins: tuple[str, ...]) -> dict[str, str]:
    own = edge_settings()
    allowed = (*own.allowed_origins, *(origin.rstrip("/") for origin in origins))
    found = environment(own.model_copy(update={"allowed_origins": allowed, "drain_seconds": 0.0}))
    return found | {"PYTHONPATH": pathsep.join(filter(None, (_PACKAGES, environ.get("PYTHONPATH"))))}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(child: Child, edge: LiveEdge) -> None:
    """Wait until the edge is ready, and has both of its servers."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        state = _state(edge)
        if state.get("ready") and state["redis"] and state["postgres"]:
            return
        code = child.ended()
        if code is not None or time.monotonic() > deadline:
            end_all([child])  # so that its last lines are there
            raise EdgeNotReady("\n".join([_why(state, code), *edge.output]))
        time.sleep(LOOK_SECONDS)


def _state(edge: LiveEdge) -> dict[str, Any]:
    try:
        with closing(HTTPConnection("127.0.0.1", edge.port, timeout=ANSWER_SECONDS)) as http:
            http.request("GET", "/readyz")
            state: dict[str, Any] = json.load(http.getresponse())
    except (OSError, HTTPException):
        return {}
    return state


def _why(state: dict[str, Any], code: int | None) -> str:
    if code is not None:
        return f"the edge has ended with exit code {code}:"
    if state.get("fault"):
        return f"the edge is not ready: {state['fault']}"
    if state.get("redis") is False:
        return "the edge reaches no Redis: a live edge needs the one of CHANNEL_LAYER_URL, so start it for this test"
    return f"the edge was not ready in {START_SECONDS:.0f} s:"
