"""docs/tutorial.md, done word for word: a project that knew nothing of Clarion, the built wheel, a bell that rings.

Changed are ports, and the environment's own packages are used instead of downloaded ones. Clarion itself is in that
environment from its wheel alone. The project is tests/acceptance/shelf.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest
import websockets
from playwright.async_api import Page, async_playwright, expect

from dev.ports import free_port
from dev.programs import CHROMIUM
from dev.servers import Valkey
from tests.browser.conftest import ARGUMENTS
from tests.docs.blocks import ROOT, Block, blocks_of
from tests.environment import FOLDER, POSTGRES
from tests.processes import Process, wait_until
from tests.programs import needed

OWN_TERMINAL = "# in a terminal of its own\n"

#: Longest wait for one command (seconds). Usual are one or two.
COMMAND_SECONDS = 300
#: Length of the project's own task (seconds).
LONG = 5

#: Longest time until worker and edge have restarted and the browser has connected again (seconds).
RESTART_SECONDS = 120

PROJECT = ROOT / "tests/acceptance/shelf"
#: The people of the project and a book, before Clarion is there.
PEOPLE = """
from people.models import Person
from shelf.models import Book
ann = Person.objects.create_user("ann@shelf.example", "books", full_name="Ann Archer")
Person.objects.create_user("ben@shelf.example", "books", full_name="Ben Baker")
Book.objects.create(title="Bread", owner=ann)
"""
#: The list of the panel, in the shadow of the bell, as Playwright sees through it.
ROW = "clarion-bell [part~=row]"


@dataclass
class Reader:
    """A reader of the tutorial who follows it."""

    folder: Path
    ports: dict[str, int]
    environment: dict[str, str]
    terminals: list[Process] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def read(self, written: list[Block]) -> None:
        """Do every block, in order."""
        for one in written:
            block = self.here(one.text)
            match one.language:
                case "python" | "html":
                    self._write(block)
                case "sh" if block.startswith(OWN_TERMINAL):
                    self.start(block.removeprefix(OWN_TERMINAL))
                case "sh":
                    self.run(block)
                case "text":
                    self.expected.append(block.strip())

    @property
    def web(self) -> str:
        """The address of the project's own web app."""
        return f"http://127.0.0.1:{self.ports['8000']}"

    def here(self, text: str) -> str:
        """The same with the ports of this run."""
        ports = re.compile(rf"\b({'|'.join(self.ports)})\b")
        # Both commands have these ports as their default. Pages restart with the code too, in their own time.
        given = {"clarion dev": "clarion dev --web-port 8000", "runserver": "runserver --noreload 8000"}
        for command, with_port in given.items():
            text = text.replace(command, with_port)
        return ports.sub(lambda found: str(self.ports[found[1]]), text)

    def _write(self, block: str) -> None:
        found = re.match(r"(?:#|<!--) ([\w/]+\.\w+)(?: \((.+)\))?(?: -->)?\n", block)
        assert found, f"no file is named: {block[:60]}"
        path, text = self.folder / found[1], block[found.end() :]
        match found[2]:
            case None:
                assert not path.exists()
                path.write_text(text)
            case "at its end":
                path.write_text(f"{path.read_text()}\n\n{text}")
            case "at the end of its body":
                path.write_text(path.read_text().replace("</body>", f"{text}</body>"))

    def run(self, block: str) -> str:
        """Run it in a shell; return its output."""
        done = subprocess.run(
            ["bash", "-ec", block],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout[-3000:]}{done.stderr[-3000:]}{self.said()}"
        return done.stdout

    def start(self, block: str) -> Process:
        """Start it in a terminal of its own."""
        self.terminals.append(Terminal(self, block).start())
        return self.terminals[-1]

    def said(self) -> str:
        """Return the end of the output of each terminal."""
        return "\n".join(f"{one.name}: {one.said()[-2500:]}" for one in self.terminals)

    def shell(self, code: str) -> str:
        """Run code in the project."""
        return self.run(f"python manage.py shell -v0 -c {shlex.quote(code)}")


class Terminal(Process):
    """A command that goes on."""

    def __init__(self, reader: Reader, command: str) -> None:
        super().__init__(f"terminal-{len(reader.terminals) + 1}", "bash", "-c", f"exec {command.strip()}")
        self._reader = reader

    def surroundings(self) -> dict[str, str]:
        return self._reader.environment

    def working_folder(self) -> Path:
        return self._reader.folder


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
    assert {"clarion/pipeline/static/clarion/elements.js", "clarion/pipeline/static/clarion/words/en.js"} <= inside
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
        connection.execute("DROP DATABASE IF EXISTS shelf")
        connection.execute("CREATE DATABASE shelf")
    folder = FOLDER / "shelf"
    with Valkey(FOLDER / "tutorial-valkey") as valkey:
        ports = {"8000": free_port(), "8001": free_port(), "5432": POSTGRES.port, "6379": valkey.port}
        # Nothing of this run's environment, nor the checkout, but where programs are; the package index is a folder.
        environment = {
            "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONUNBUFFERED": "1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheel.parent),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{valkey.port}/0",  # also the database of Clarion
        }
        reader = Reader(folder, ports, environment)
        shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for file in folder.glob("**/*.py"):
            file.write_text(reader.here(file.read_text()))
        reader.run("python manage.py makemigrations -v0 people inbox shelf && python manage.py migrate -v0")
        reader.shell(PEOPLE)
        yield reader
        for terminal in reader.terminals:
            terminal.stop()
            terminal.kill()


@asynccontextmanager
async def opened(reader: Reader, email: str) -> AsyncIterator[Page]:
    """A page of the project in a browser of its own, signed in."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(needed(CHROMIUM)), args=ARGUMENTS)
        page = await chromium.new_page()
        await page.goto(f"{reader.web}/login/")
        await page.fill("[name=username]", email)
        await page.fill("[name=password]", "books")
        await page.click("main button")
        await page.wait_for_url(f"{reader.web}/")
        yield page
        await chromium.close()


async def review(page: Page, reader: Reader, text: str) -> None:
    """Review the book."""
    await page.goto(f"{reader.web}/books/1/")
    await page.fill("[name=text]", text)
    await page.click("main button")
    await expect(page.locator("main p").last).to_have_text(text)


async def test_tutorial(reader: Reader) -> None:
    """The bell of the book's owner rings, and rings otherwise after the code has changed.

    The project's own worker does its long task meanwhile, once.
    """
    reader.start("python -m celery -A mysite worker --pool=threads --concurrency=2 --loglevel=info")
    reader.shell(f"from shelf.tasks import count_books; count_books.delay({LONG})")
    reader.read(blocks_of("test_tutorial"))
    async with opened(reader, "ann@shelf.example") as ann, opened(reader, "ben@shelf.example") as ben:
        await review(ben, reader, "Good.")
        badge = ann.locator("clarion-bell [part~=badge]")
        await expect(badge).to_have_text("1")
        await ann.locator("clarion-bell [part=button]").click()
        await expect(ann.locator(f"{ROW} [part=row-title]")).to_have_text(reader.expected)
        await expect(ben.locator("clarion-bell [part~=badge]")).to_be_hidden()

        audiences = reader.folder / "shelf/audiences.py"
        audiences.write_text(audiences.read_text().replace('f"reviewed ', 'f"commented on '))
        dev = reader.terminals[1]
        wait_until(lambda: "shelf/audiences.py has changed: restarting" in dev.said(), reader.said)
        await review(ben, reader, "Very good.")
        newest = ann.locator(f"{ROW} [part=row-title]").first
        await expect(newest).to_have_text("Ben Baker commented on Bread", timeout=RESTART_SECONDS * 1000)
        await expect(badge).to_have_text("2")
    assert "No problem was found." in reader.run("python manage.py clarion doctor")
    counted = "from shelf.models import Count; print(list(Count.objects.values_list('books', flat=True)))"
    wait_until(lambda: "[1]" in reader.shell(counted), reader.said)


def test_project_keeps_its_packages(reader: Reader) -> None:
    """The project imports Clarion from its wheel, and its own packages from its folder."""
    where = "import clarion, pipeline.storage, edge, shared; print(clarion.__file__, edge.__file__, shared.__file__)"
    ours, edge, shared = reader.shell(where).split()
    assert "tutorial-venv/lib" in ours
    assert (Path(edge).parents[1], Path(shared).parents[1]) == (reader.folder, reader.folder)
    own = reader.folder / "own" / "pipeline"
    own.mkdir(parents=True)
    (own / "__init__.py").touch()
    which = "import clarion.pipeline.delivery, pipeline; print(pipeline.__file__)"
    assert str(own) in reader.run(f"PYTHONPATH={own.parent} python manage.py shell -v0 -c {shlex.quote(which)}")


async def test_project_keeps_its_sockets(reader: Reader) -> None:
    """The project's own consumer and its channel layer work as before."""
    address = f"{reader.web.replace('http', 'ws', 1)}/ws/readers/"
    async with websockets.connect(address) as one, websockets.connect(address) as other:
        await one.send(json.dumps({"page": 7}))
        assert json.loads(await other.recv()) == {"page": 7}


def test_project_serves_pages(reader: Reader) -> None:
    """The project serves the client's files and, to operators, the health page."""
    reader.shell("from people.models import Person; Person.objects.update(is_staff=True, is_superuser=True)")
    with httpx.Client(base_url=reader.web, timeout=60) as browser:
        for name in ("notifications.js", "store.js", "elements.js"):
            assert "javascript" in browser.get(f"/static/clarion/{name}").headers["content-type"]
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get("/login/").text)
        assert token
        form = {"csrfmiddlewaretoken": token[1], "username": "ann@shelf.example", "password": "books"}
        assert browser.post("/login/", data=form).status_code == 302
        health = browser.get("/admin/clarion_pipeline/sample/health/")
        assert health.status_code == 200
        assert "Problems" in health.text
        assert browser.get("/static/clarion/health.css").status_code == 200
