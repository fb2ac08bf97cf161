"""Finds the programs that only tests use: a load balancer, browsers, another broker, a pooler, Prometheus.

Input: the PATH. Output: the path of each. Run as a module (`python -m dev.programs`), it installs the missing ones from
the system's packages if that is allowed here, or prints which tests will be left out.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

#: Seconds for the package manager; a browser is a hundred megabytes.
_INSTALL_PATIENCE_SECONDS = 900
#: Another installation on the machine is waited for, and an interrupted download is tried again.
_APT_OPTIONS = ("-o", "DPkg::Lock::Timeout=600", "-o", "Acquire::Retries=5")


@dataclass(frozen=True)
class Program:
    """One program: its names, its package in Debian and Ubuntu, and the tests that need it."""

    names: tuple[str, ...]
    package: str
    tests: str

    def path(self) -> Path | None:
        """Where it is, if it is here."""
        found = (shutil.which(name) for name in self.names)
        return next((Path(path) for path in found if path), None)

    @property
    def advice(self) -> str:
        """The missing program, and the command that installs it."""
        return f"{self.names[0]} is not installed: {self.tests}. Debian and Ubuntu: apt install {self.package}."


HAPROXY = Program(("haproxy",), "haproxy", "a rolling restart of edges behind a load balancer is not tested")
CHROMIUM = Program(
    ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "chromium",
    "the pages are not tested in a real browser",
)
FIREFOX = Program(("firefox-esr", "firefox"), "firefox-esr", "the elements are not tested in Firefox")

#: Not the one on the PATH of Debian, which changes the account and knows its own folders only.
RABBITMQ = Program(
    ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"),
    "rabbitmq-server",
    "RabbitMQ as the broker is not tested",
)
PGBOUNCER = Program(("pgbouncer",), "pgbouncer", "Postgres behind PgBouncer is not tested")
PROMETHEUS = Program(("prometheus",), "prometheus", "the alerts are not tried")
NGINX = Program(("nginx", "/usr/sbin/nginx"), "nginx-light", "the documented configuration of nginx is not tested")
SYSTEMD_ANALYZE = Program(("systemd-analyze",), "systemd", "the units of systemd are not verified")

ALL = (HAPROXY, CHROMIUM, FIREFOX, RABBITMQ, PGBOUNCER, PROMETHEUS, NGINX, SYSTEMD_ANALYZE)


def missing() -> list[Program]:
    """Those that are not here."""
    return [program for program in ALL if program.path() is None]


def install() -> None:
    """Install missing programs, with apt and the permission to use it."""
    wanted = missing()
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        packages = [program.package for program in wanted]
        print(f"Installing {' and '.join(packages)} for the tests ...", flush=True)
        _apt("update")  # if it fails, the lists that are here may do
        # One by one: where one is not to be had, the others are still of use.
        for package in packages:
            _apt("install", "--yes", "--no-install-recommends", package)
    for program in missing():
        print(program.advice, file=sys.stderr)


def _apt(*arguments: str) -> bool:
    """Whether the package manager did it; why it did not is said."""
    run = subprocess.run(  # noqa: S603 - constants
        ["apt-get", "-qq", *_APT_OPTIONS, *arguments],  # noqa: S607
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=_INSTALL_PATIENCE_SECONDS,
        check=False,
    )
    if run.returncode:
        print(f"apt-get {' '.join(arguments)} failed: {run.stderr.strip()[-500:]}", file=sys.stderr)
    return run.returncode == 0


if __name__ == "__main__":
    install()
