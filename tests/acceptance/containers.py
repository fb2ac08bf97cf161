"""The services of compose.yml, run here without containers: their own commands, environments and health checks.

Properties of a container are replaced: each process gets a free port for the one it listens on, and the names of
services become addresses of this machine. Everything else is as in compose.yml.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg

from dev.binaries import find_valkey
from dev.ports import free_port
from tests import compose
from tests.compose import ROOT, Service
from tests.environment import FOLDER, POSTGRES
from tests.processes import BIN, Process, wait_until

#: Ports that processes listen on inside their containers, each of which is another here.
PORTS = ("8000", "8001", "8002", "9100", "8080", "8443", "8404")

#: Longest wait until a service is well (seconds). Usual are five to ten, while all start at once.
START_SECONDS = 180

DATABASE = "compose"


class Container(Process):
    """One container of a service, as a process of this machine."""

    def __init__(self, service: Service, number: int, addresses: "Addresses") -> None:
        self.service = service
        self.name = f"compose-{service.name}-{number}"
        self.ports = {port: addresses.port(self.name, port) for port in PORTS}
        self._number = number
        self._addresses = addresses
        environment = {name: self._here(value) for name, value in service.environment.items()}
        super().__init__(self.name, *(self._here(word) for word in service.command), **environment)

    def surroundings(self) -> dict[str, str]:
        """Its environment: of ours only the paths of programs."""
        ours = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        image = {"DJANGO_SETTINGS_MODULE": "examples.forum.settings", "PYTHONUNBUFFERED": "1"}
        return {**image, **ours, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **self.environment}

    def run(self) -> int:
        """Run it to its end; its exit code."""
        with self.log.open("ab") as log:
            return subprocess.run(
                self.command, cwd=ROOT, env=self.surroundings(), stdout=log, stderr=log, check=False, timeout=120
            ).returncode

    def is_well(self) -> bool:
        """Whether its own health check succeeds."""
        assert self.popen is not None
        assert self.popen.poll() is None, f"{self.name} ended:\n{self.said()[-4000:]}"
        words = [self._here(word) for word in self.service.health]
        checked = subprocess.run(words, cwd=ROOT, env=self.surroundings(), capture_output=True, check=False)
        return checked.returncode == 0

    def stop(self) -> int:
        """Stop as compose does: first `pre_stop`, then SIGTERM, within its time."""
        begun = time.monotonic()
        for words in self.service.before_stop:
            subprocess.run([self._here(word) for word in words], env=self.surroundings(), check=True)
        code = super().stop()
        assert time.monotonic() - begun < self.service.stop_seconds, f"{self.name} took too long to end"
        self.draining.unlink(missing_ok=True)  # with the container's own files
        return code

    @property
    def draining(self) -> Path:
        return Path(self._here("/tmp/draining"))  # noqa: S108 - a name in compose.yml

    def wait_until_well(self) -> Self:
        wait_until(self.is_well, lambda: f"{self.name} is not well:\n{self.said()[-4000:]}", START_SECONDS)
        return self

    def _here(self, text: str) -> str:
        text = re.sub(rf"\b({'|'.join(PORTS)})\b", lambda found: str(self.ports[found[1]]), text)
        text = re.sub(r"\b0\.0\.0\.0\b", "127.0.0.1", text)
        text = re.sub(r"/tmp/(?=(?:beat|draining)\b)", str(FOLDER) + f"/{self.name}.", text)  # noqa: S108 - a name in compose.yml
        # A worker's name is its container's.
        text = text.replace("@%h", f"@%h-{self._number}").replace("@$(hostname)", f"@$(hostname)-{self._number}")
        for name, here in self._addresses.servers.items():
            text = text.replace(name, here)
        return text


class Addresses:
    """Where on this machine each name of compose.yml is found."""

    def __init__(self, valkey_port: int, certificate: Path) -> None:
        self.certificate = certificate
        self._ports: dict[tuple[str, str], int] = {}
        self.servers = {
            "@postgres:5432/clarion": f"@127.0.0.1:{POSTGRES.port}/{DATABASE}",
            "valkey:6379": f"127.0.0.1:{valkey_port}",
            "/usr/local/etc/haproxy/haproxy.cfg": str(FOLDER / "compose-haproxy.cfg"),
            "/run/secrets/certificate": str(certificate),
        }

    def port(self, container: str, port: str) -> int:
        """The port here of a container's port there."""
        return self._ports.setdefault((container, port), free_port())


class Stack:
    """All lasting services of the default profile, by name; `balancer`, `postgres` and `valkey` among them."""

    def __init__(self, certificate: Path, variables: Mapping[str, str]) -> None:
        self.services = compose.services(variables)
        self._valkey_port = free_port()
        self.addresses = Addresses(self._valkey_port, certificate)
        self.containers = [
            Container(service, number, self.addresses)
            for service in self.services.values()
            if service.is_ours and not service.runs_once
            for number in range(1, service.content.get("deploy", {}).get("replicas", 1) + 1)
        ]
        self.balancer = Container(self.services["balancer"], 1, self.addresses)
        self.valkey = Process(
            "compose-valkey",
            str(find_valkey()),
            *self.services["valkey"].command[1:],
            f"--port {self._valkey_port}",
            "--bind 127.0.0.1",
            f"--dir {FOLDER}",
        )

    def of(self, service: str) -> list[Container]:
        """The containers of a service."""
        return [container for container in self.containers if container.service.name == service]

    def migrate(self) -> None:
        """Run the one-shot."""
        once = Container(self.services["migrate"], 1, self.addresses)
        assert once.run() == 0, once.said()[-4000:]

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Start everything in the order of compose.yml, wait until all are well; at the end, end them."""
        with psycopg.connect(POSTGRES.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
            connection.execute(f"CREATE DATABASE {DATABASE}")
        self._configure_balancer()
        everything = [self.valkey, *self.containers, self.balancer]
        try:
            self.valkey.start()
            self.migrate()
            for container in [*self.containers, self.balancer]:
                container.start()
            for container in [*self.containers, self.balancer]:
                container.wait_until_well()
            yield self
        finally:
            for process in reversed(everything):
                process.kill()

    def _configure_balancer(self) -> None:
        """The real configuration, with addresses in place of names."""
        text = (ROOT / "deploy/haproxy.cfg").read_text()
        for container in self.containers:
            for port in PORTS:
                text = text.replace(f"{container.service.name}:{port}", f"127.0.0.1:{container.ports[port]}")
        for port, here in self.balancer.ports.items():
            text = re.sub(rf"bind :{port}\b", f"bind 127.0.0.1:{here}", text)
        (FOLDER / "compose-haproxy.cfg").write_text(text)
