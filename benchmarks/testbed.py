"""The testbed of a benchmark: its own Postgres and Valkey, and the server processes that are measured.

The servers run on free ports in a temporary folder, with the tables created; the environment of this process and its
children points at them. Everything ends with the run. Postgres writes to disk as durably as in production.
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
import psycopg
import redis

from dev import children
from dev.account import scratch_folder
from dev.ports import free_port
from dev.servers import Postgres, Valkey

BIN = Path(sys.executable).parent

#: Longest wait for a server process to answer (seconds).
PATIENCE_SECONDS = 30

KIB = 1024

#: As in compose.yml: segments of the write-ahead log are kept to be written again.
POSTGRES = {"min_wal_size": "1GB"}
#: Segments of 16 MiB that exist from the start, as after some time of running: creating one delays all
#: commits.
SEGMENTS = 60


@contextmanager
def testbed() -> Iterator[tuple[Postgres, Valkey]]:
    """Start Postgres and Valkey, and create the tables."""
    with (
        scratch_folder() as folder,
        Postgres(folder / "postgres", settings=POSTGRES) as postgres,
        Valkey(folder / "valkey") as valkey,
    ):
        os.environ.update(
            DJANGO_SETTINGS_MODULE="examples.forum.settings",
            DATABASE_URL=postgres.url,
            CLARION_BROKER_URL=valkey.database_url(0),
            CHANNEL_LAYER_URL=valkey.database_url(1),
            CLARION_SECRET_KEY=secrets.token_urlsafe(48),
            CLARION_LOG_LEVEL="ERROR",
        )
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        _write_ahead()
        for server in (postgres, valkey):
            assert server.process is not None  # noqa: S101 - it was started above
            _servers.append(server.process.pid)
        yield postgres, valkey


def _write_ahead() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for _ in range(SEGMENTS):
            cursor.execute("SELECT pg_logical_emit_message(false, '', '')")
            cursor.execute("SELECT pg_switch_wal()")
        cursor.execute("CHECKPOINT")


#: Process ids of Postgres and Valkey, while they run.
_servers: list[int] = []


def servers() -> tuple[int, int]:
    """Return the process ids of Postgres and Valkey."""
    postgres, valkey = _servers
    return postgres, valkey


def clear() -> None:
    """Empty every table and all of Redis, and let Postgres finish its deferred writes."""
    from django.apps import apps
    from django.db import connection

    tables = ", ".join(model._meta.db_table for model in apps.get_models() if model._meta.managed)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        cursor.execute("CHECKPOINT")
    with redis.Redis.from_url(os.environ["CLARION_BROKER_URL"]) as broker:
        broker.flushall()


def settle() -> None:
    """Update the statistics and finish deferred writes, before a measurement."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def database(name: str) -> str:
    """Create a database of that name; return its URL."""
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    with psycopg.connect(f"{base}/postgres", autocommit=True) as postgres:
        postgres.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        postgres.execute(f"CREATE DATABASE {name}")
    return f"{base}/{name}"


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
        """The running process."""
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
    """Return the edge, on a free port."""
    return daphne(
        "clarion.edge.asgi:application", ready="/readyz", DJANGO_SETTINGS_MODULE="clarion.edge.settings", **environment
    )


def worker(
    *queues: str, concurrency: int = 4, prefetch: int = 1, app: str = "clarion.pipeline", **environment: str
) -> Server:
    """Return a worker process of a Celery app on these queues; it is ready when it answers Prometheus."""
    port = free_port()
    names = ",".join(queues)
    command = [str(BIN / "celery"), "--quiet", "-A", app, "worker", f"--hostname={names}@bench", f"--queues={names}"]
    command += ["--pool=threads", f"--concurrency={concurrency}", f"--prefetch-multiplier={prefetch}"]
    command += ["--task-events", "--loglevel=error"]
    return Server(*command, port=port, ready="/metrics", CLARION_METRICS_PORT=str(port), **environment)


class Peer:
    """A process that reads numbers, one a line, and answers each with the seconds it took."""

    def __init__(self, *command: str, **environment: str) -> None:
        self._command = command
        self._environment = environment

    def __enter__(self) -> Self:
        self._popen = subprocess.Popen(  # noqa: S603 - our own peers
            self._command,
            env=os.environ | self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            preexec_fn=children.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509
        )
        self._line()
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.kill()
        self._popen.communicate()

    def ask(self, number: int) -> float:
        """Send a number; return the seconds that the peer took."""
        self.begin(number)
        return self.end()

    def begin(self, number: int) -> None:
        """Send a number without waiting for the answer."""
        assert self._popen.stdin is not None  # noqa: S101 - it is a pipe
        self._popen.stdin.write(f"{number}\n")

    def end(self) -> float:
        """Return the answer to `begin`."""
        return float(self._line())

    def _line(self) -> str:
        assert self._popen.stdout is not None  # noqa: S101 - it is a pipe
        line = self._popen.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self._command)} ended with {self._popen.wait()}")
        return line


def uvicorn(application: str) -> Server:
    """Uvicorn with an application, on a free port."""
    port = free_port()
    options = ["--host=127.0.0.1", f"--port={port}", "--log-level=critical", "--backlog=4096", "--ws=websockets-sansio"]
    return Server(str(BIN / "uvicorn"), *options, application, port=port, ready="/")


def interleaved(runs: int, names: Sequence[str]) -> Iterator[str]:
    """Yield the names in turn, so that a disturbance of the machine affects all of them."""
    for _ in range(runs):
        yield from names
