"""Postgres and Valkey as child processes.

Input: a data folder, a port (or none for a free one, which is kept), and for Postgres its settings. Output: a server on
127.0.0.1 and its `url`. The servers end with this process; one that a crash left running on the same folder is stopped
before a new one starts. The main thread must start them (see children.py). Raises ServerFailed with the end of a log.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import psycopg
import redis

from dev import children
from dev.account import AsUser, reachable_folder, reachable_programs, stand_in, unprivileged
from dev.binaries import find_postgres, find_valkey
from dev.ports import free_port

#: Seconds until a server must answer. A second is usual; recovery after a crash on a slow disk takes longer.
_START_PATIENCE_SECONDS = 60

#: Seconds to stop in order before SIGKILL: Postgres writes a checkpoint first.
_STOP_PATIENCE_SECONDS = 20

#: Seconds between two looks at a starting server.
_LOOK_SECONDS = 0.02

#: Lines of its log that an error shows.
_LOG_LINES_SHOWN = 15

#: The first version with a collation of its own that knows letters beyond ASCII and is the same on every system.
_BUILTIN_COLLATION_SINCE = 17

#: For tests: a crash of the machine may lose everything, a crash of the server nothing that was committed. (With
#: synchronous_commit off as well, the latter would not hold: it leaves commits in the server's own memory.)
FAST_AND_UNSAFE: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off"}


class ServerFailed(RuntimeError):
    """A server did not start."""


class Server(ABC):
    """One server process and its data folder. Starting and stopping twice does no harm."""

    name: ClassVar[str]
    process_names: ClassVar[Sequence[str]]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process that we started is there."""
        return self.process is not None and self.process.poll() is None

    def answers(self) -> bool:
        """Return whether the process that we started answers now."""
        process = self.process  # Another thread may ask while the main one restarts the server.
        return process is not None and process.poll() is None and self._answers(process.pid)

    @property
    def home(self) -> Path:
        """The server's working folder, by which a left-over one is known."""
        return self.data_dir

    @property
    def log(self) -> Path:
        """What the server says, beside its data folder."""
        return self.data_dir.with_name(f"{self.data_dir.name}.log")

    def start(self) -> Self:
        """Start the server and return when it answers."""
        if self.running:
            return self
        try:
            self.stop_leftover()
            command, as_user = self._prepare()
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(  # noqa: S603 - our own server programs
                    command,
                    cwd=self.home,
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C in a terminal is for us, not for our servers.
                    preexec_fn=children.dies_with_parent(self.stop_signal),  # noqa: PLW1509
                    **as_user,
                )
            self._wait_until_ready(self.process)
            self._furnish()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Stop the server in order; its commits stay."""
        if self.process is not None:
            children.stop(self.process, self.stop_signal, _STOP_PATIENCE_SECONDS)
            self.process = None

    def kill(self, signum: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the server and its children at once: SIGKILL for a crash, SIGSTOP to freeze it."""
        if self.process is not None and self.running:
            children.send_to_family(self.process.pid, signum)
            if signum == signal.SIGKILL:
                self.process.wait()

    def restart(self) -> Self:
        """Stop and start again, on the same port."""
        self.stop()
        return self.start()

    def stop_leftover(self) -> None:
        """Stop a server that an earlier run left running on this data folder."""
        left = [
            process
            for process in children.working_in(self._homes(), self.process_names)
            if self.process is None or process.pid != self.process.pid
        ]
        children.end(left, self.stop_signal, _STOP_PATIENCE_SECONDS)

    def _homes(self) -> list[Path]:
        """Where a left-over server of this data folder may be at work."""
        return [self.home]

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect."""

    @abstractmethod
    def _prepare(self) -> tuple[list[str | Path], AsUser]:
        """Make the data folder ready; returns the command and whom to run it as."""

    @abstractmethod
    def _answers(self, pid: int) -> bool:
        """Whether this very process, not another on the same port, answers."""

    def _furnish(self) -> None:
        """Make what clients expect to find; the server answers."""
        return

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_PATIENCE_SECONDS
        while not self._answers(process.pid):
            if process.poll() is not None:
                raise ServerFailed(f"{self.name} ended at once (code {process.returncode}).{self._end_of_log()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} did not answer in {_START_PATIENCE_SECONDS} s.{self._end_of_log()}")
            time.sleep(_LOOK_SECONDS)

    def _end_of_log(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
        return "\n".join([f" The end of {self.log}:", *lines])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Postgres(Server):
    """Postgres with one database and one superuser, both called clarion. Only this machine can connect."""

    name = "Postgres"
    process_names = ("postgres",)
    stop_signal = signal.SIGINT  # "fast": ends sessions, writes a checkpoint

    def __init__(self, data_dir: Path, port: int | None = None, *, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(data_dir, port)
        self.settings = dict(settings or {})

    @property
    def url(self) -> str:
        """The address of the server."""
        return self._url("clarion")

    @property
    def conninfo(self) -> str:
        """The connection string for a standby."""
        return f"host=127.0.0.1 port={self.port} user=clarion"

    @property
    def home(self) -> Path:
        """The folder of the cluster."""
        return self.data_dir / "cluster"

    def _homes(self) -> list[Path]:
        return [self.home, stand_in(self.data_dir) / "cluster"]

    def _url(self, database: str) -> str:
        return f"postgresql://clarion@127.0.0.1:{self.port}/{database}"

    def _prepare(self) -> tuple[list[str | Path], AsUser]:
        account = unprivileged(self.data_dir)
        as_user = account.keywords if account else AsUser()
        found = find_postgres()
        programs = reachable_programs(found.folder, account)
        self.data_dir = reachable_folder(self.data_dir, account)
        if not self.home.exists():
            self._initialise(programs / "initdb", found.version, as_user)
        made_by = (self.home / "PG_VERSION").read_text().strip()
        if made_by != str(found.version):
            raise ServerFailed(
                f"{self.data_dir} was made by Postgres {made_by}, and {found.folder} holds {found.version}. "
                "Remove the folder (`make clean`) to begin afresh."
            )
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", **self.settings}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [programs / "postgres", "-D", self.home, "-p", str(self.port), *options], as_user

    def _initialise(self, initdb: Path, version: int, as_user: AsUser) -> None:
        fresh = self.data_dir / "new"  # Renamed when complete, so that one cut short is never taken for a database.
        shutil.rmtree(fresh, ignore_errors=True)
        collation = ["--locale=C"]
        if version >= _BUILTIN_COLLATION_SINCE:
            collation += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        fixed = ["--username=clarion", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions"]
        made = subprocess.run(  # noqa: S603 - our own server program
            [initdb, "-D", fresh, *fixed, *collation],
            cwd=self.data_dir,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
            **as_user,
        )
        if made.returncode != 0:
            raise ServerFailed(f"initdb could not make {self.data_dir}: {made.stderr.strip()}")
        fresh.rename(self.home)

    def _answers(self, pid: int) -> bool:
        # Postgres's own sign of life (that of pg_ctl): the first line is its pid, the eighth its state.
        with contextlib.suppress(OSError):
            lines = (self.home / "postmaster.pid").read_text().splitlines()
            return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() in ("ready", "standby")
        return False

    def _furnish(self) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'clarion'").fetchone():
                connection.execute("CREATE DATABASE clarion")


class Valkey(Server):
    """Valkey (or Redis) that keeps nothing on disk. Database 0 is for the broker, 1 for the channel layer."""

    name = "Valkey"
    process_names = ("valkey-server", "redis-server")
    stop_signal = signal.SIGTERM

    @property
    def url(self) -> str:
        """The address of the server."""
        return self.database_url(0)

    def database_url(self, number: int) -> str:
        """Return the URL of one of its databases."""
        return f"redis://127.0.0.1:{self.port}/{number}"

    def _prepare(self) -> tuple[list[str | Path], AsUser]:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        fixed = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.data_dir),
                 "--client-output-buffer-limit", "pubsub 128mb 64mb 60"]  # fmt: skip
        return [find_valkey(), "--port", str(self.port), *fixed], AsUser()

    def _answers(self, pid: int) -> bool:
        return speaks_redis(self.port, pid)


def speaks_redis(port: int, pid: int) -> bool:
    """Whether this process answers there."""
    try:
        with redis.Redis(port=port, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.info("server")["process_id"] == pid)
    except redis.RedisError:
        return False


def _environment() -> dict[str, str]:
    """Ours without what would steer Postgres from outside, and with messages in English."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return {**kept, "LC_ALL": "C"}
