"""How-tos done as they stand: a kind of one's own, from its files to a socket; listening from Python; the protocol."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from django.contrib.auth.models import User

from clarion.shared.settings import Settings
from dev.ports import free_port
from tests.acceptance.steps import filled, person, until
from tests.acceptance.test_python_client import token_of
from tests.client import connected, opened
from tests.docs.blocks import ROOT, blocks_of
from tests.environment import FOLDER, POSTGRES, VALKEY
from tests.plugin_runs import OTHERS
from tests.processes import BIN, Edge, Process, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

#: Longest wait for one command (seconds). Usual are two.
COMMAND_SECONDS = 240

#: Actor, recipient and kind in the project of the how-to.
WRITE_A_REVIEW = """
from django.contrib.auth.models import User
from shelf.models import Book, Review
ann, ben = (User.objects.get_or_create(username=name)[0] for name in ("ann", "ben"))
if {write}:
    Review.objects.create(book=Book.objects.create(title="Bread", owner=ann), author=ben, text="Good.")
print(ann.pk)
"""

#: A test of the reader's own: the audience that services may name.
TEST_OF_THE_AUDIENCE = """
from unittest import mock

from django.contrib.auth import get_user_model
from django.test import TestCase

from clarion.pipeline import delivery
from clarion import NoticeGiven
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Notification
from shelf.models import Book, Review


class AudienceTest(TestCase):
    def test_a_service_names_it(self):
        ann, ben = (get_user_model().objects.create_user(name) for name in ("ann", "ben"))
        book = Book.objects.create(title="Bread", owner=ann)
        Review.objects.create(book=book, author=ben, text="Good.")
        notice = NoticeGiven(kind="NEWS", data={}, audience="shelf.book.reviewers", parameters={"book_id": book.pk})
        with mock.patch("clarion.pipeline.publish.publish"):
            delivery.expand(record(notice, key="news"))
        self.assertEqual(Notification.objects.get(announcement__kind="NEWS").recipient_id, ben.pk)
"""


@dataclass
class Project:
    """The reader's project."""

    folder: Path
    env: dict[str, str]

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run it in a shell."""
        done = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done


@pytest.fixture(scope="module")
def project(django_db_setup: None) -> Project:
    """All files and tables of it, with a database, broker and channel layer that no other test sees."""
    server, _, _ = POSTGRES.url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as postgres:
        postgres.execute("CREATE DATABASE howto")
    folder = FOLDER / "howto"
    folder.mkdir()
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "DATABASE_URL": f"{server}/howto",
        "CLARION_BROKER_URL": VALKEY.database_url(2),
        "CLARION_CHANNEL_LAYER_PREFIX": "howto",
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    project = Project(folder, env)
    commands = []
    for block in blocks_of("test_documented_kind_tests"):
        if block.language == "sh":
            commands.append(block.text)
            continue
        name = re.match(r"# ([\w/]+\.py)( \(at its end\))?\n", block.text)
        assert name, f"no file is named: {block}"
        file = project.folder / name[1]
        file.parent.mkdir(exist_ok=True)
        (file.parent / "__init__.py").touch()
        file.write_text((file.read_text() + "\n\n" if name[2] else "") + block.text[name.end() :])
    for command in commands:
        project.run(command)
    return project


def test_documented_kind_tests(project: Project) -> None:
    """The tests of the documented kind pass in the reader's project."""
    (project.folder / "shelf/test_audience.py").write_text(TEST_OF_THE_AUDIENCE)
    assert "Ran 2 tests" in project.run("python -m django test").stderr


def test_documented_tests(project: Project) -> None:
    """The documented tests pass with Django's test runner, and with pytest and Clarion's plugin."""
    written = {
        block.text.splitlines()[0].removeprefix("# "): block.text for block in blocks_of("test_documented_tests")
    }
    for name, text in written.items():
        (project.folder / name).write_text(text)
    by_django = " ".join(name.removesuffix(".py").replace("/", ".") for name in written if "pytest" not in name)
    plugins = "-p clarion.testing.plugin " + " ".join(f"-p no:{name}" for name in OTHERS)
    try:
        assert "Ran 3 tests" in project.run(f"python -m django test {by_django}").stderr
        by_pytest = f"python -m pytest -c {os.devnull} --rootdir=. {plugins} {' '.join(written)}"
        assert " 4 passed" in project.run(by_pytest).stdout
    finally:
        for name in written:
            (project.folder / name).unlink()


class Line(Process):
    """One line of a how-to that goes on, in a terminal of its own."""

    def __init__(self, project: Project, line: str, number: int, ready: str) -> None:
        command = f"env {line}" if re.match(r"\w+=", line) else line
        super().__init__(f"howto-{number}", "bash", "-c", f"exec {command}")
        self.project = project
        self.ready = ready

    def surroundings(self) -> dict[str, str]:
        return self.project.env | {"CLARION_LOG_LEVEL": "INFO"}

    def working_folder(self) -> Path:
        return self.project.folder

    def is_up(self) -> bool:
        assert self.exit_code() is None, self.said()
        return self.ready in self.said()


@pytest.fixture(scope="module")
def edge_of_the_project(project: Project) -> Iterator[str]:
    """Every line of "Run it"; the address of its edge."""
    (block,) = blocks_of("test_documented_kind_on_socket")
    port = free_port()
    ready = {"worker": "[queues]", "beat": "is starting", "edge": "Listening on TCP"}
    lines = [
        Line(project, line.replace("8001", str(port)), number, next(ready[name] for name in ready if name in line))
        for number, line in enumerate(block.text.splitlines())
    ]
    try:
        for line in lines:
            line.launch()
        for line in lines:
            wait_until(line.is_up, lambda line=line: line.said()[-4000:])
        yield f"ws://127.0.0.1:{port}/ws/notification-updates/"
    finally:
        for line in lines:
            line.kill()


async def test_documented_kind_on_socket(project: Project, edge_of_the_project: str) -> None:
    """A notification of the documented kind reaches a socket."""

    def reviewed(write: bool) -> int:
        return int(project.run(f"python -m django shell -v 0 -c '{WRITE_A_REVIEW.format(write=write)}'").stdout)

    ann = User(pk=await asyncio.to_thread(reviewed, False))
    async with connected(edge_of_the_project, ann) as client:
        await asyncio.to_thread(reviewed, True)
        frame = await client.next()
        assert (frame["notificationType"], frame["data"]["book_title"]) == ("REVIEW", "Bread")


async def test_documented_python_listener(edge: Edge, tmp_path: Path) -> None:
    """The documented script goes on from its cursor, prints changes and saves its cursor."""
    ann = await person()
    await filled(ann.pk, 2)
    (block,) = blocks_of("test_documented_python_listener")
    script, cursor = tmp_path / "listen.py", tmp_path / "cursor.txt"
    script.write_text(block.text.replace("ws://127.0.0.1:8001/ws/notification-updates/", edge.url))
    cursor.write_text("0 1")
    env = os.environ | {"TOKEN": str(await token_of(ann)()), "PYTHONPATH": str(ROOT)}
    listening = await asyncio.create_subprocess_exec(
        sys.executable, script, cwd=tmp_path, env=env, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert listening.stdout
        assert await asyncio.wait_for(listening.stdout.readline(), 60) == b"2 NOTIFICATION_CREATED\n"
        await until(lambda: cursor.read_text() == "0 2", "it does not save its cursor")
    finally:
        listening.kill()
        await listening.wait()


async def test_documented_requests(edge: Edge) -> None:
    """The requests of the protocol's document resume a socket and a stream."""
    ann = await person()
    await filled(ann.pk, 6)
    token = await token_of(ann)()
    socket, stream = blocks_of("test_documented_requests")
    line, header = socket.text.splitlines()
    offered = header.removeprefix("Sec-WebSocket-Protocol: ").replace("<token>", str(token)).split(", ")
    address = f"127.0.0.1:{edge.port}"
    async with opened(f"ws://{address}{line.removeprefix('GET ')}", subprotocols=offered) as client:
        assert client.connection.subprotocol == "clarion.v1"
        assert (await client.next())["resumed"] is True
        assert [frame["seq"] for frame in await client.changes(2)] == [5, 6]
    async with (
        httpx.AsyncClient(timeout=60) as browser,
        browser.stream(
            "GET", f"http://{address}{stream.text.strip().removeprefix('GET ')}",
            headers={"Authorization": f"Bearer {token}"},
        ) as answer,
    ):  # fmt: skip
        seqs = []
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                frame = json.loads(line.removeprefix("data: "))
                seqs.append((frame["type"], frame["seq"]))
            if len(seqs) == 3:
                break
    assert seqs == [("CONNECTED", 6), ("NOTIFICATION_CREATED", 5), ("NOTIFICATION_CREATED", 6)]


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_documented_provider_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented variables for a provider are accepted."""
    (block,) = blocks_of("test_documented_provider_variables")
    for name, value in variables(block.text).items():
        assert name.removeprefix("CLARION_").lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    assert Settings(secret_key="x" * 50).jwks_user_column == "auth0_id"


def test_documented_host_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented variables for several hosts are accepted."""
    (block,) = blocks_of("test_documented_host_variables")
    for name, value in variables(block.text).items():
        monkeypatch.setenv(name, value)
    hosts = Settings(secret_key="x" * 50).django_channel_layers()["default"]["CONFIG"]["hosts"]
    assert len(hosts) == 2
    assert Settings(secret_key="x" * 50).broker_url.get_secret_value() == variables(block.text)["CLARION_BROKER_URL"]
