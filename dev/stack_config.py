"""Where a stack lives: its ports, its data folder and the environment of its processes.

Input: the environment (CLARION_PORT_BASE, CLARION_BIND and, to use servers of your own, DATABASE_URL,
CLARION_BROKER_URL and CHANNEL_LAYER_URL). Output: one frozen `Ground`. Two stacks on two port bases share nothing.
Raises BadGround, whose message says what to set.
"""

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parent.parent

#: Below this folder each stack has one of its own, named by its port base.
DATA = PROJECT / "data"

DEFAULT_PORT_BASE = 8000
DEFAULT_BIND = "127.0.0.1"

#: Processes of a stack carry this variable; its value is the stack's folder. A crash's remains are found by it.
MARK = "CLARION_STACK_DIR"

#: What listens, in the order of the ports from the base on.
LISTENERS = ("web", "edge", "flower", "postgres", "valkey", "worker-live", "worker-bursts", "worker-jobs")

#: Those that other machines may reach; the others, and the metrics of the workers, are for this one alone.
_PUBLIC = ("web", "edge", "flower")

#: Variables of your own servers; the stack starts the missing ones.
URLS = ("DATABASE_URL", "CLARION_BROKER_URL", "CHANNEL_LAYER_URL")

_HIGHEST_PORT = 65535

#: How a warning of Celery begins.
_ROOT_WARNING = "You're running the worker with superuser privileges"

#: Bytes of randomness in generated secrets: 256 bits, and long enough as a key for HS256.
_SECRET_BYTES = 32

#: Time-out of a connect to a port of this machine (seconds).
_PROBE_SECONDS = 0.5


class BadGround(RuntimeError):
    """The stack cannot stand here."""


@dataclass(frozen=True)
class Ground:
    """One stack's place."""

    port_base: int
    bind: str
    given: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """All that the stack keeps."""
        return DATA / str(self.port_base)

    @property
    def address(self) -> str:
        """Return the host name by which a browser on this machine reaches `bind`."""
        return "127.0.0.1" if self.bind in ("0.0.0.0", "") else self.bind  # noqa: S104 - compared, not bound

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.bind in ("127.0.0.1", "localhost", "::1")

    @property
    def needs_postgres(self) -> bool:
        """No database was given."""
        return "DATABASE_URL" not in self.given

    @property
    def needs_valkey(self) -> bool:
        """Broker or channel layer was not given."""
        return not {"CLARION_BROKER_URL", "CHANNEL_LAYER_URL"} <= self.given.keys()

    def port(self, listener: str) -> int:
        """Return the port of one of LISTENERS."""
        return self.port_base + LISTENERS.index(listener)

    def command(self, name: str, line: str) -> str:
        """Return the line of the Procfile; a worker answers Prometheus on its port."""
        return f"CLARION_METRICS_PORT={self.port(name)} {line}" if name.startswith("worker-") else line

    def make_folder(self) -> None:
        """Make the data folder, or say why it cannot be used."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / ".writable").touch()
        except OSError as error:
            raise BadGround(
                f"{self.folder} cannot be written ({error.strerror}): another account made it. Run as that account, "
                "remove the folder, or set CLARION_PORT_BASE to begin another stack."
            ) from error

    def check_ports(self) -> None:
        """Raise BadGround, naming the port and who needs it, when one of ours is taken."""
        unneeded = {"postgres": not self.needs_postgres, "valkey": not self.needs_valkey}
        for listener in LISTENERS:
            if unneeded.get(listener):
                continue
            port = self.port(listener)
            host = self.bind if listener in _PUBLIC else "127.0.0.1"
            if reason := _why_not(host, port):
                raise BadGround(
                    f"Port {port}, which {listener} needs, {reason}. Stop what uses it, or set CLARION_PORT_BASE "
                    f"(now {self.port_base}) to the first of {len(LISTENERS)} free ports, like this: "
                    f"CLARION_PORT_BASE={self.port_base + 100} make run"
                )

    def environment(self, urls: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the processes: ours, the servers' addresses, ports and secrets."""
        return {
            **os.environ,
            **urls,
            **self.given,
            MARK: str(self.folder),
            "DJANGO_SETTINGS_MODULE": "examples.forum.settings",
            "CLARION_BIND": self.bind,
            "CLARION_PORT_BASE": str(self.port_base),
            "CLARION_WEB_PORT": str(self.port("web")),
            "CLARION_EDGE_PORT": str(self.port("edge")),
            "CLARION_PUBLIC_EDGE_PORT": str(self.port("edge")),
            "CLARION_PUBLIC_FLOWER_PORT": str(self.port("flower")),
            "CLARION_ALLOWED_ORIGINS": ",".join(
                f"http://{host}:{self.port('web')}" for host in {self.bind, "localhost"}
            ),
            # Bound to other addresses than this machine's, the demo may be opened from a phone beside it.
            **({} if self.is_local or "CLARION_ALLOWED_HOSTS" in os.environ else {"CLARION_ALLOWED_HOSTS": "*"}),
            "CLARION_FLOWER_PORT": str(self.port("flower")),
            "CLARION_FLOWER_PASSWORD": self._secret("CLARION_FLOWER_PASSWORD", _SECRET_BYTES // 2),
            "CLARION_SECRET_KEY": self._secret("CLARION_SECRET_KEY", _SECRET_BYTES),
            "CLARION_DEBUG": os.environ.get("CLARION_DEBUG", "1"),
            "PYTHONUNBUFFERED": "1",
            # As root, for example in a container, each process of Celery would say so in eight lines.
            "PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", f"ignore:{_ROOT_WARNING}"),
            # Unresolved: the interpreter in the virtual environment is a link to the system's.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        }

    def _secret(self, name: str, size: int) -> str:
        """Return the secret of the environment, else the one that was generated at the first start and kept."""
        if given := os.environ.get(name):
            return given
        file = self.folder / name.lower()
        if not file.exists():
            write_private(file, secrets.token_urlsafe(size))
        return file.read_text()


def from_environment() -> Ground:
    """Return the configuration that the environment selects."""
    text = os.environ.get("CLARION_PORT_BASE") or str(DEFAULT_PORT_BASE)
    highest = _HIGHEST_PORT - len(LISTENERS) + 1
    if not text.isdecimal() or not 1 <= int(text) <= highest:
        raise BadGround(f"CLARION_PORT_BASE is {text!r}: it has to be a number from 1 to {highest}.")
    given = {name: os.environ[name] for name in URLS if os.environ.get(name)}
    return Ground(int(text), os.environ.get("CLARION_BIND") or DEFAULT_BIND, given)


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    fresh.replace(file)


def _why_not(host: str, port: int) -> str | None:
    """Why nothing of ours could listen there; None when it could."""
    try:
        with socket.create_connection((host or "127.0.0.1", port), timeout=_PROBE_SECONDS):
            return f"is taken{_holder(port)}"
    except OSError:
        pass
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do, so that connections of a stack that just ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            return "may not be used by this account"
        except OSError as error:
            return f"cannot be used ({error.strerror}){_holder(port)}"
    return None


def _holder(port: int) -> str:
    """Return the listening process, if the system reveals it."""
    try:
        listening = [each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
        pids = {each.pid for each in listening if each.pid and each.laddr and each.laddr.port == port}
        return f" by {psutil.Process(min(pids)).name()} (pid {min(pids)})" if pids else ""
    except psutil.Error:
        return ""
