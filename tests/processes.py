"""Processes that a test starts: the real worker, beat and edge, as the Procfile runs them, on free ports.

Each is started with the run's environment, its output goes to a file, and it ends with the test that started it. If
a process does not come up, the test shows the end of its output.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

from dev import children
from dev.ports import free_port
from tests.environment import FOLDER

#: Longest wait for a process to answer, or to end when asked to (seconds). Usual are one or two.
PATIENCE_SECONDS = 120

FLOWERS_PASSWORD = "flowers-password"

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[1]


class Process:
    """One process of the stack."""

    #: Listening sockets that the process inherits.
    inherits: tuple[int, ...] = ()

    def __init__(self, name: str, *command: str, **environment: str) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.log = FOLDER / f"{name}.log"
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until it is up."""
        self.launch()
        try:
            wait_until(self.is_up, lambda: f"{self.name} did not come up:\n{self.said()[-4000:]}")
        except BaseException:
            self.kill()
            raise
        return self

    def launch(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.command,
                cwd=self.working_folder(),
                env=self.surroundings(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=self.inherits,
                preexec_fn=children.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )

    def surroundings(self) -> dict[str, str]:
        """Its environment: the run's, and its own."""
        return os.environ | self.environment

    def working_folder(self) -> Path:
        return ROOT

    def is_up(self) -> bool:
        return True

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        assert self.popen is not None
        return self.popen.poll()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.popen is not None
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """SIGKILL, to the whole group."""
        if self.popen is not None and self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait(PATIENCE_SECONDS)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


class Answering(Process):
    """A process that answers HTTP on a port, its metrics among other things."""

    port: int

    def http(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)

    def answers(self, path: str) -> bool:
        """Whether it answers at all."""
        try:
            self.http(path)
        except httpx.TransportError:
            return False
        return True

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = self.http("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)


class Worker(Answering):
    """A Celery worker on the given queues."""

    def __init__(
        self, name: str = "worker", queues: str = "events,bursts,maintenance,retention", **environment: str
    ) -> None:
        self.port = free_port()
        environment["CLARION_METRICS_PORT"] = str(self.port)
        worker = ["worker", f"--hostname={name}@test", f"--queues={queues}", "--pool=threads", "--concurrency=4"]
        super().__init__(
            name, str(BIN / "celery"), "-A", "clarion.pipeline", *worker, "--without-mingle", "--loglevel=info",
            **environment,
        )  # fmt: skip

    def is_up(self) -> bool:
        from clarion.pipeline.celery.app import app

        # With a connection of its own: a pooled one may be to a broker that was restarted since.
        with app.connection_for_write() as connection:
            return bool(app.control.ping(destination=[f"{self.name}@test"], timeout=0.5, connection=connection))


class Beat(Process):
    """Celery beat."""

    def __init__(self) -> None:
        super().__init__("beat", str(BIN / "celery"), "-A", "clarion.pipeline", "beat")


class Edge(Answering):
    """Daphne with the edge, ready for sockets: on a port of its own, or on a listening socket that it shares."""

    def __init__(self, name: str = "edge", listening: socket.socket | None = None, **environment: str) -> None:
        if listening is None:
            self.port = free_port()
            # As the Procfile does: with Daphne's own 50, the kernel resets connections of a storm.
            where = [f"--endpoint=tcp:port={self.port}:interface=127.0.0.1:backlog=4096"]
        else:
            self.port = listening.getsockname()[1]
            self.inherits = (listening.fileno(),)
            where = [f"--fd={listening.fileno()}"]
        super().__init__(
            name,
            str(BIN / "daphne"), "--verbosity=0", *where, "clarion.edge.asgi:application",
            # Tests are refused more often than anyone else; those of the delay set it.
            **{"DJANGO_SETTINGS_MODULE": "clarion.edge.settings", "CLARION_REFUSAL_DELAY_SECONDS": "0"} | environment,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/notification-updates/"

    def is_up(self) -> bool:
        assert self.popen is not None
        assert self.popen.poll() is None, f"{self.name} ended:\n{self.said()[-4000:]}"
        try:
            answer = self.http("/readyz")
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and answer.json().items() >= {"redis": True, "postgres": True}.items()


class Web(Answering):
    """The forum, as the Procfile serves it."""

    def __init__(self, name: str, edge: Edge, **environment: str) -> None:
        self.port = free_port()
        options = ["--worker-class=gthread", "--workers=1", "--threads=8", "--no-control-socket"]
        super().__init__(
            name,
            str(BIN / "gunicorn"), "examples.forum.wsgi:application", *options, f"--bind=127.0.0.1:{self.port}",
            CLARION_PUBLIC_EDGE_PORT=str(edge.port),
            **environment,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_up(self) -> bool:
        assert self.popen is not None
        assert self.popen.poll() is None, self.said()
        try:
            return self.http("/api/health").status_code == 200
        except httpx.TransportError:
            return False


class Flower(Answering):
    """Flower, as the Procfile starts it."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        command = ["--quiet", "-A", "clarion.pipeline", "flower", "--address=127.0.0.1", f"--port={self.port}"]
        super().__init__(
            "flower", str(BIN / "celery"), *command, FLOWER_BASIC_AUTH=f"clarion:{FLOWERS_PASSWORD}", **environment
        )

    def is_up(self) -> bool:
        try:
            return self.http("/healthcheck").status_code == 200
        except httpx.TransportError:
            return False

    def asked(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", auth=("clarion", FLOWERS_PASSWORD), timeout=10)

    def hears(self, worker: str) -> bool:
        """Whether events of this worker have come: earlier ones were not received."""
        heard = self.asked("/workers?json=1").json()["data"]
        return any(one["hostname"] == worker for one in heard)

    def tasks(self) -> list[dict[str, Any]]:
        return list(self.asked("/api/tasks").json().values())


def wait_until(
    condition: Callable[[], object], why_not: Callable[[], str] | str, patience: float = PATIENCE_SECONDS
) -> None:
    """Look until the condition holds, or fail with why it does not."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(why_not if isinstance(why_not, str) else why_not())
        time.sleep(0.02)
