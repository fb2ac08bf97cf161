"""The real stack, each pair of its parts joined by a link that can be broken.

Output: Postgres, two Valkeys (broker and channel layer), web, two workers, beat, two edges and a load balancer before
them, on free ports, with short time-outs. A test may break any part; `mend` repairs all of it for the next test.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import redis

from dev.ports import free_port
from dev.programs import HAPROXY
from dev.servers import FAST_AND_UNSAFE, Postgres, Server, Valkey
from tests.balancer import Balancer
from tests.environment import FOLDER
from tests.faults.background import Background
from tests.faults.proxy import Link
from tests.processes import BIN, Answering, Edge, Process, wait_until
from tests.programs import needed

#: Service token of the load, of 32 bytes or more.
SERVICE_TOKEN = "the-load-of-the-faults-is-a-service-of-its-own"

#: Short, so that a fault is over in seconds; what stands here instead of the defaults changes no order of events.
SHORT = {
    "CLARION_SWEEP_AFTER_SECONDS": "2",
    "CLARION_BROKER_WAIT_SECONDS": "0.5",
    "CLARION_QUIET_LOSS_SECONDS": "1",
    "CLARION_DATABASE_TIMEOUT_SECONDS": "2",
    "CLARION_HEARTBEAT_SECONDS": "3",
    "CLARION_SILENT_SECONDS": "7",
    "CLARION_DRAIN_SECONDS": "1",
    "CLARION_HANDSHAKE_SECONDS": "3",
    "CLARION_DELIVER_AT_ONCE": "8",
    "CLARION_BATCH_SIZE": "5",
    "CLARION_CREDIT_FRAMES": "60",
    "CLARION_PARKED_SECONDS": "5",
    "CLARION_UNREAD_MAX": "1000000",
    "CLARION_SERVICE_TOKENS": SERVICE_TOKEN,
    "FAULTS_VISIBILITY_SECONDS": "5",
}

#: Who speaks to whom. Each pair is a link of that name.
PAIRS = (
    *(f"{who}-{what}" for who in ("web", "workers") for what in ("postgres", "broker", "layer")),
    "beat-broker",
    "edges-postgres",
    "edges-layer",
    "balancer-left",
    "balancer-right",
    "clients-balancer",
    "load-web",
)

#: The disk of Postgres, where it may be mounted: small enough to be filled, and large enough for two copies of the
#: data of a run (bytes).
DISK_BYTES = 3 << 30

#: So that a small disk is enough, with enough connections for all processes.
POSTGRES = {**FAST_AND_UNSAFE, "max_wal_size": "128MB", "min_wal_size": "32MB", "max_connections": "60"}

#: The queues of a worker, if it is not given some of them.
QUEUES = "events,bursts,maintenance,retention"


class Worker(Answering):
    """A worker that may end itself at a named point (see worker.py)."""

    def __init__(self, name: str, queues: str = QUEUES, **environment: str) -> None:
        self.port = free_port()
        options = [f"--hostname={name}@faults", f"--queues={queues}", "--pool=threads"]
        super().__init__(
            f"faults-{name}",
            sys.executable, "-m", "tests.faults.worker", "worker", *options, "--concurrency=2", "--without-mingle",
            "--loglevel=info",
            CLARION_METRICS_PORT=str(self.port),
            **environment,
        )  # fmt: skip

    def is_up(self) -> bool:
        assert self.popen is not None
        assert self.popen.poll() is None, f"{self.name} ended:\n{self.said()[-4000:]}"
        with contextlib.suppress(httpx.TransportError):
            return self.http("/metrics").status_code == 200
        return False


class Web(Answering):
    """The web app, as the Procfile runs it, with one process."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        gunicorn = [str(BIN / "gunicorn"), "examples.forum.wsgi:application", "--worker-class=gthread", "--workers=1"]
        super().__init__(
            "faults-web", *gunicorn, "--threads=6", f"--bind=127.0.0.1:{self.port}", "--no-control-socket",
            **environment,
        )  # fmt: skip

    def is_up(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self.http("/api/health").status_code == 200
        return False

    def http(self, path: str) -> httpx.Response:
        """Asked by the service that the load is."""
        headers = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
        path = path.replace("/metrics", "/api/metrics", 1) if path == "/metrics" else path
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=5)


class Stack:
    """All of it, from `with` to its end."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self.folder = FOLDER / "faults"
        self.disk = self.folder / "disk"
        self.disk_is_own = False
        self._exit = ExitStack()
        self.links: dict[str, Link] = {}
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._close_links)
            haproxy = needed(HAPROXY)
            self.disk.mkdir(parents=True)
            self._mount(stack)
            self.postgres = stack.enter_context(Postgres(self.disk / "postgres", settings=POSTGRES))
            self.broker = stack.enter_context(Valkey(self.folder / "broker"))
            self.layer = stack.enter_context(Valkey(self.folder / "layer"))
            targets = {"postgres": self.postgres.port, "broker": self.broker.port, "layer": self.layer.port}
            for who in ("web", "workers", "beat", "edges"):
                for what, port in targets.items():
                    self._link(f"{who}-{what}", port)
            self._migrate()
            self._start_all(haproxy, stack)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._exit.__exit__(*exception)

    def _mount(self, stack: ExitStack) -> None:
        """Give Postgres a small disk of its own, where we may."""
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0755", "clarion-faults", str(self.disk)]
        self.disk_is_own = (
            shutil.which("mount") is not None
            and not subprocess.run(command, capture_output=True, check=False).returncode
        )
        if self.disk_is_own:
            stack.callback(subprocess.run, ["umount", "--lazy", str(self.disk)], check=False)

    def _link(self, name: str, port: int) -> Link:
        self.links[name] = Link(self._background, name, port)
        return self.links[name]

    def _close_links(self) -> None:
        for link in self.links.values():
            link.close()

    def environment(self, who: str) -> dict[str, str]:
        """What a process of these gets: the servers, each by its own link."""
        ports = {what: self.links[f"{who}-{what}"].port for what in ("postgres", "broker", "layer")}
        return SHORT | {
            "DATABASE_URL": f"postgresql://clarion@127.0.0.1:{ports['postgres']}/clarion",
            "CLARION_BROKER_URL": f"redis://127.0.0.1:{ports['broker']}/0",
            "CHANNEL_LAYER_URL": f"redis://127.0.0.1:{ports['layer']}/1",
        }

    def _migrate(self) -> None:
        env = os.environ | {"DATABASE_URL": self.postgres.url}
        migrate = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
        subprocess.run(migrate, env=env, check=True)

    def worker(self, name: str, queues: str = QUEUES, **more: str) -> Worker:
        """One more worker, not started."""
        return Worker(name, queues, **self.environment("workers") | more)

    def edge(self, name: str, **more: str) -> Edge:
        """One more edge, not started."""
        return Edge(f"faults-{name}", **self.environment("edges") | more)

    def _start_all(self, haproxy: Path, stack: ExitStack) -> None:
        beat = [str(BIN / "celery"), "-A", "clarion.pipeline", "beat"]
        edges = {name: self.edge(name) for name in ("left", "right")}
        self.processes = {
            "web": Web(**self.environment("web")),
            "alpha": self.worker("alpha"),
            "beta": self.worker("beta"),
            "beat": Process("faults-beat", *beat, **self.environment("beat")),
            **edges,
        }
        ports = {name: self._link(f"balancer-{name}", edge.port).port for name, edge in edges.items()}
        self.balancer = Balancer(haproxy, ports, "faults-haproxy")
        self.processes["balancer"] = self.balancer
        self._link("clients-balancer", self.balancer.port)
        self._link("load-web", self.web.port)
        for process in self.processes.values():
            stack.callback(process.kill)
        for process in self.processes.values():
            process.start()

    @property
    def web(self) -> Web:
        """The web app."""
        web = self.processes["web"]
        assert isinstance(web, Web)
        return web

    @property
    def edges(self) -> list[Edge]:
        """Both edges."""
        return [process for process in self.processes.values() if isinstance(process, Edge)]

    @property
    def workers(self) -> list[Worker]:
        """Both workers."""
        return [process for process in self.processes.values() if isinstance(process, Worker)]

    @property
    def socket_url(self) -> str:
        """Where clients connect."""
        return f"ws://127.0.0.1:{self.links['clients-balancer'].port}/ws/notification-updates/"

    @property
    def web_url(self) -> str:
        """Where the load goes."""
        return f"http://127.0.0.1:{self.links['load-web'].port}"

    @contextlib.contextmanager
    def database(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """Postgres, past all links."""
        with psycopg.connect(self.postgres.url, autocommit=True, connect_timeout=10) as connection:
            yield connection

    def redis(self, name: str) -> redis.Redis:
        """`broker` or `layer`, past all links."""
        return redis.Redis.from_url(self.server(name).url, socket_timeout=10)

    def server(self, name: str) -> Server:
        """`postgres`, `broker` or `layer`."""
        return {"postgres": self.postgres, "broker": self.broker, "layer": self.layer}[name]

    def kill(self, *names: str) -> None:
        """End processes by SIGKILL; `mend` or `start` brings them back."""
        for name in names:
            self.processes[name].kill()

    def start(self, *names: str) -> None:
        """Start processes that have ended, and wait until they are up."""
        for name in names:
            self.processes[name].start()

    def launch(self, *names: str) -> None:
        """Start processes that have ended."""
        for name in names:
            self.processes[name].launch()

    def freeze(self, *names: str, signum: signal.Signals = signal.SIGSTOP) -> None:
        """Stop processes where they stand (SIGSTOP), or have them go on (SIGCONT)."""
        for name in names:
            popen = self.processes[name].popen
            assert popen is not None
            os.killpg(popen.pid, signum)

    def mend(self) -> None:
        """Make everything whole: servers run, links are healed, processes are there and up."""
        for server in (self.postgres, self.broker, self.layer):
            server.kill(signal.SIGCONT)
            server.start()
        for link in self.links.values():
            link.heal()
        for process in self.processes.values():
            if process.popen is not None and process.popen.poll() is None:
                os.killpg(process.popen.pid, signal.SIGCONT)
            else:
                process.start()
        for process in self.processes.values():
            wait_until(process.is_up, f"{process.name} did not come back", patience=60)
