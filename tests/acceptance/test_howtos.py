"""How-tos done as they stand: a kind of one's own, from its files to a socket; listening from Python; the protocol."""

import ast
import asyncio
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.contrib.auth.models import User

from clarion.client import Cursor
from clarion.shared.settings import Settings
from dev.servers import free_port
from tests.acceptance.steps import filled, person
from tests.acceptance.test_python_client import token_of
from tests.client import connected, opened
from tests.documents import ROOT, blocks_of
from tests.environment import FOLDER, POSTGRES, VALKEY
from tests.processes import BIN, Edge, Process, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

#: Longest wait for one command (seconds). Usual are two.
COMMAND_SECONDS = 60

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
    for block in blocks_of("test_a_kind_of_ones_own_passes_its_own_test"):
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


def test_a_kind_of_ones_own_passes_its_own_test(project: Project) -> None:
    (project.folder / "shelf/test_audience.py").write_text(TEST_OF_THE_AUDIENCE)
    assert "Ran 2 tests" in project.run("python -m django test").stderr


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
    (block,) = blocks_of("test_a_kind_of_ones_own_reaches_a_socket")
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


async def test_a_kind_of_ones_own_reaches_a_socket(project: Project, edge_of_the_project: str) -> None:
    def reviewed(write: bool) -> int:
        return int(project.run(f"python -m django shell -v 0 -c '{WRITE_A_REVIEW.format(write=write)}'").stdout)

    ann = User(pk=await asyncio.to_thread(reviewed, False))
    async with connected(edge_of_the_project, ann) as client:
        await asyncio.to_thread(reviewed, True)
        frame = await client.next()
        assert (frame["notificationType"], frame["data"]["book_title"]) == ("REVIEW", "Bread")


class Heard(Exception):
    """The expected output has come."""


async def test_a_script_hears_what_happens(edge: Edge) -> None:
    ann = await person()
    heard: list[Any] = []

    def handle(frame: dict[str, Any]) -> None:
        heard.append(frame["seq"])

    def save(cursor: Any) -> None:
        heard.append(cursor.seq)
        raise Heard

    (block,) = blocks_of("test_a_script_hears_what_happens")
    text = re.sub(r"ws://[\w.:]+/ws/notification-updates/", edge.url, block.text)
    code = compile(text, str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    await filled(ann.pk, 2)
    names = {"get_token": token_of(ann), "cursor": Cursor("0", 1), "handle": handle, "save": save}
    with pytest.raises(Heard):
        await eval(code, names)  # noqa: S307 - our own document; with `await` outside of functions it is a coroutine
    assert heard == [2, 2]


async def test_what_the_protocol_asks_is_answered(edge: Edge) -> None:
    ann = await person()
    await filled(ann.pk, 6)
    token = await token_of(ann)()
    socket, stream = blocks_of("test_what_the_protocol_asks_is_answered")
    line, header = socket.text.splitlines()
    offered = header.removeprefix("Sec-WebSocket-Protocol: ").replace("<token>", str(token)).split(", ")
    address = f"127.0.0.1:{edge.port}"
    async with opened(f"ws://{address}{line.removeprefix('GET ')}", subprotocols=offered) as client:
        assert client.connection.subprotocol == "clarion.v1"
        assert (await client.next())["resumed"] is True
        assert [frame["seq"] for frame in await client.changes(2)] == [5, 6]
    async with (
        httpx.AsyncClient(timeout=15) as browser,
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


def test_the_variables_for_a_provider_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = blocks_of("test_the_variables_for_a_provider_are_taken")
    for name, value in variables(block.text).items():
        assert name.removeprefix("CLARION_").lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    assert Settings(secret_key="x" * 50).jwks_user_column == "auth0_id"


def test_the_variables_for_several_hosts_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = blocks_of("test_the_variables_for_several_hosts_are_taken")
    for name, value in variables(block.text).items():
        monkeypatch.setenv(name, value)
    hosts = Settings(secret_key="x" * 50).django_channel_layers()["default"]["CONFIG"]["hosts"]
    assert len(hosts) == 2
    assert Settings(secret_key="x" * 50).broker_url.get_secret_value() == variables(block.text)["CLARION_BROKER_URL"]
