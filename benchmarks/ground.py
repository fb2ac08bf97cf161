"""The ground a benchmark stands on: Postgres and Valkey of its own, and the server processes it measures.

Enters: nothing. Leaves: servers on free ports in a temporary folder, this process and its children pointed at them,
Django ready, the tables made. Everything ends with the run. Postgres is as careful with the disk as in production.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psutil

from dev import children
from dev.account import scratch_folder
from dev.servers import Postgres, Valkey, free_port

BIN = Path(sys.executable).parent

#: Longest wait for a server process to answer (seconds).
PATIENCE_SECONDS = 30

KIB = 1024


@contextmanager
def ground() -> Iterator[tuple[Postgres, Valkey]]:
    """Servers of the run's own, with the tables in place."""
    with scratch_folder() as folder, Postgres(folder / "postgres") as postgres, Valkey(folder / "valkey") as valkey:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="examples.forum.settings",
            DATABASE_URL=postgres.url,
            BROKER_URL=valkey.database_url(0),
            CHANNEL_LAYER_URL=valkey.database_url(1),
            CLARION_SECRET_KEY=secrets.token_urlsafe(48),
            CLARION_LOG_LEVEL="ERROR",
        )
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield postgres, valkey


class Server:
    """A process that listens on a port, and ends with its block."""

    def __init__(self, *command: str, port: int, ready: str, **environment: str) -> None:
        self.port = port
        self._command = command
        self._ready = ready
        self._environment = environment
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> psutil.Process:
        """The process, to look at."""
        assert self._popen is not None  # noqa: S101 - used within its block
        return psutil.Process(self._popen.pid)

    def rss(self) -> int:
        """Its resident set (bytes)."""
        return int(self.process.memory_info().rss)

    def __enter__(self) -> Self:
        self._popen = subprocess.Popen(  # noqa: S603 - our own servers
            self._command,
            env=os.environ | self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=children.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            if self._popen.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(self._command)} did not come up")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait(PATIENCE_SECONDS)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self._ready}", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False


def daphne(application: str, *, ready: str = "/", **environment: str) -> Server:
    """Daphne with an application, on a free port."""
    port = free_port()
    endpoint = f"tcp:port={port}:interface=127.0.0.1:backlog=4096"
    command = [str(BIN / "daphne"), "--verbosity=0", "--websocket_timeout=-1", "-e", endpoint, application]
    return Server(*command, port=port, ready=ready, **environment)


def edge(**environment: str) -> Server:
    """The edge."""
    return daphne("edge.asgi:application", ready="/readyz", DJANGO_SETTINGS_MODULE="edge.settings", **environment)


def uvicorn(application: str) -> Server:
    """Uvicorn with an application, on a free port."""
    port = free_port()
    options = ["--host=127.0.0.1", f"--port={port}", "--log-level=critical", "--backlog=4096", "--ws=websockets-sansio"]
    return Server(str(BIN / "uvicorn"), *options, application, port=port, ready="/")


def interleaved(runs: int, ways: Sequence[str]) -> Iterator[str]:
    """The ways in turn, so often: what the machine does meanwhile meets all of them."""
    for _ in range(runs):
        yield from ways
