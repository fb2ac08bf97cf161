"""docs/tutorial.md, done word for word: a project that knew nothing of Clarion, the built wheel, a frame on a socket.

Changed are ports, and the environment's own packages are used instead of downloaded ones. Clarion itself is in that
environment from its wheel alone.
"""

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
from playwright.async_api import async_playwright

from dev.programs import CHROMIUM
from dev.servers import Valkey, free_port
from tests.browser.conftest import ARGUMENTS
from tests.documents import ROOT, Block, blocks_of
from tests.environment import FOLDER, POSTGRES
from tests.processes import PATIENCE_SECONDS, Process, wait_until
from tests.programs import needed

OWN_TERMINAL = "# in a terminal of its own\n"

#: Longest wait for one command (seconds). Usual are one or two.
COMMAND_SECONDS = 90

#: Packages of the project, named like the folders of Clarion, and an app with the label `inbox`.
NEIGHBOURS = {
    "edge/__init__.py": "",
    "shared/__init__.py": "",
    "inbox/__init__.py": "",
    "inbox/models.py": "from django.db import models\n\n\nclass Inbox(models.Model):\n    pass\n",
}
#: At the end of the project's settings, when they are first written; `pipeline` is django-pipeline.
NEIGHBOURS_INSTALLED = '\nPIPELINE: dict[str, object] = {}\nINSTALLED_APPS += ["inbox", "pipeline"]\n'


@dataclass
class Reader:
    """A reader of the tutorial who follows it."""

    folder: Path
    ports: dict[str, int]
    environment: dict[str, str]
    added: dict[str, str] = field(default_factory=dict)
    terminals: list[Process] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def read(self, written: list[Block]) -> None:
        """Do every block, in order."""
        for one in written:
            block = self.here(one.text)
            match one.language:
                case "python":
                    self._write(block)
                case "sh" if block.startswith(OWN_TERMINAL):
                    self._start(block.removeprefix(OWN_TERMINAL))
                case "sh":
                    self._run(block)
                case "text":
                    self._see(block.strip())

    @property
    def web(self) -> str:
        """The address of the project's own web app."""
        return f"http://127.0.0.1:{self.ports['8000']}"

    def here(self, text: str) -> str:
        """The same with the ports of this run."""
        ports = re.compile(rf"\b({'|'.join(self.ports)})\b")
        return ports.sub(lambda found: str(self.ports[found[1]]), text)

    def _write(self, block: str) -> None:
        found = re.match(r"# ([\w/]+\.py)( \(at its end\))?\n", block)
        assert found, f"no file is named: {block[:60]}"
        path = self.folder / found[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() + "\n\n" if found[2] else ""
        path.write_text(before + block[found.end() :] + self.added.pop(found[1], ""))

    def _run(self, block: str) -> None:
        """Run it in a shell, and keep its exported variables."""
        after = self.folder / "environment"
        script = f"set -e\n{block}\nenv -0 > {shlex.quote(str(after))}\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        self.environment = dict(line.split("=", 1) for line in after.read_text().split("\0") if line)

    def _start(self, block: str) -> None:
        self.terminals.append(Terminal(self, block).start())

    def _see(self, expected: str) -> None:
        """The terminal that was opened last prints it."""
        self.expected.append(expected)
        last = self.terminals[-1]
        wait_until(
            lambda: expected in last.said().splitlines(),
            lambda: "\n".join(f"{one.name}: {one.said()[-2500:]}" for one in self.terminals),
        )


class Terminal(Process):
    """A command that goes on."""

    def __init__(self, reader: Reader, command: str) -> None:
        super().__init__(f"terminal-{len(reader.terminals) + 1}", "bash", "-c", f"exec {_as_program(command.strip())}")
        self._reader = reader

    def surroundings(self) -> dict[str, str]:
        return self._reader.environment

    def working_folder(self) -> Path:
        return self._reader.folder


def _as_program(command: str) -> str:
    """A shell cannot `exec` a command of the form `NAME=value program`."""
    return f"env {command}" if re.match(r"\w+=", command) else command


@pytest.fixture(scope="module")
def wheel() -> Path:
    """Clarion, as it is given to others."""
    folder = FOLDER / "wheel"
    made = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT],
        capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    (file,) = folder.glob("clarion-*.whl")
    inside = set(zipfile.ZipFile(file).namelist())
    for package in ("clarion", "clarion/pipeline", "clarion/edge", "clarion/shared"):
        assert f"{package}/py.typed" in inside
    assert "clarion/edge/client/notifications.js" in inside
    assert {name.split("/")[0] for name in inside if ".dist-info/" not in name} == {"clarion"}
    assert not [name for name in inside if name.startswith("clarion/edge/client/tests")]
    return file


@pytest.fixture(scope="module")
def python() -> Path:
    """The folder of programs of a new environment, in which everything is but Clarion."""
    folder = FOLDER / "tutorial-venv"
    venv.create(folder, with_pip=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "bin"


@pytest.fixture(scope="module")
def reader(django_db_setup: None, wheel: Path, python: Path) -> Iterator[Reader]:
    with psycopg.connect(POSTGRES.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bookshelf")
        connection.execute("CREATE DATABASE bookshelf")
    folder = FOLDER / "bookshelf"
    folder.mkdir()
    # Nothing of this run's environment, nor the checkout, but where programs are; the package index is a folder.
    environment = {
        "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONUNBUFFERED": "1",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    with Valkey(FOLDER / "tutorial-valkey") as valkey:
        ports = {"8000": free_port(), "8001": free_port(), "5432": POSTGRES.port, "6379": valkey.port}
        for name, text in NEIGHBOURS.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        reader = Reader(folder, ports, environment, {"mysite/settings.py": NEIGHBOURS_INSTALLED})
        yield reader
        for terminal in reader.terminals:
            terminal.kill()


def test_the_tutorial_ends_with_a_notification_on_a_socket(reader: Reader) -> None:
    reader.read(blocks_of("test_the_tutorial_ends_with_a_notification_on_a_socket"))
    assert reader.expected == ["REVIEW Bread ben"]


def test_clarion_comes_from_its_wheel(reader: Reader) -> None:
    """The names that its folders have in the checkout belong to the project and to django-pipeline."""
    where = "import clarion, pipeline.storage, edge, shared; print(clarion.__file__, edge.__file__, shared.__file__)"
    ours, edge, shared = run_python(reader, "-c", where).split()
    assert "tutorial-venv/lib" in ours
    assert (Path(edge).parents[1], Path(shared).parents[1]) == (reader.folder, reader.folder)


def test_a_project_may_have_a_package_named_pipeline(reader: Reader) -> None:
    own = reader.folder / "own" / "pipeline"
    own.mkdir(parents=True)
    (own / "__init__.py").touch()
    which = "import clarion.pipeline.delivery, pipeline; print(pipeline.__file__)"
    assert str(own) in run_python(reader, "manage.py", "shell", "-c", which, PYTHONPATH=str(own.parent))


def run_python(reader: Reader, *arguments: str, **environment: str) -> str:
    """Run Python in the reader's project; return its output."""
    return subprocess.run(
        ["python", *arguments], cwd=reader.folder, env=reader.environment | environment,
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def test_the_projects_own_tasks_stay_on_their_own_broker(reader: Reader) -> None:
    given = "from shelf.tasks import count_books; count_books.delay()"
    subprocess.run(
        ["python", "manage.py", "shell", "-c", given], cwd=reader.folder, env=reader.environment,
        check=True, capture_output=True,
    )  # fmt: skip
    with redis.Redis(port=reader.ports["6379"], db=2) as own, redis.Redis(port=reader.ports["6379"], db=0) as clarions:
        assert own.llen("celery") == 1
        assert clarions.llen("celery") == 0


def signed_in(browser: httpx.Client) -> None:
    """As Ann."""
    page = browser.get("/admin/login/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    answer = browser.post(
        "/admin/login/", data={"csrfmiddlewaretoken": token[1], "username": "ann", "password": "books"}
    )
    assert answer.status_code == 302


def test_the_client_the_inbox_and_the_page_of_health_are_served(reader: Reader) -> None:
    with httpx.Client(base_url=reader.web, timeout=15) as browser:
        for name in ("notifications.js", "store.js", "react.js"):
            assert "javascript" in browser.get(f"/static/clarion/{name}").headers["content-type"]
        signed_in(browser)
        (told,) = browser.get("/api/inbox").json()["notifications"]
        assert told["notificationType"] == "REVIEW"
        health = browser.get("/admin/clarion_pipeline/sample/")
        assert health.status_code == 200
        assert "Is it healthy?" in health.text
        assert browser.get("/static/clarion/health.css").status_code == 200


async def test_the_page_of_the_tutorial_shows_the_inbox(reader: Reader) -> None:
    """In a real browser, as the project serves the client, its inbox and its tokens."""
    (block,) = blocks_of("test_the_page_of_the_tutorial_shows_the_inbox")
    with httpx.Client(base_url=reader.web, timeout=15) as browser:
        signed_in(browser)
        cookies = dict(browser.cookies)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(needed(CHROMIUM)), args=ARGUMENTS)
        context = await chromium.new_context()
        await context.add_cookies(
            [{"name": name, "value": value, "url": reader.web} for name, value in cookies.items()]
        )
        page = await context.new_page()
        await page.goto(f"{reader.web}/admin/")  # for the origin; what stands there is replaced
        frames: asyncio.Queue[str] = asyncio.Queue()
        page.on("websocket", lambda socket: socket.on("framereceived", frames.put_nowait))
        async with page.expect_console_message(lambda said: said.text.startswith("1 ")):
            await page.set_content(reader.here(block.text))
        first = await asyncio.wait_for(frames.get(), PATIENCE_SECONDS)
        assert json.loads(first)["type"] == "CONNECTED"
        await chromium.close()
