"""How-tos done as they stand: a kind of one's own, from its files to its test; listening from Python."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.client import Cursor
from shared.settings import Settings
from tests.acceptance.steps import filled, person
from tests.acceptance.test_python_client import token_of
from tests.documents import ROOT, blocks
from tests.environment import POSTGRES
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)

#: Longest wait for one command (seconds). Usual are two.
COMMAND_SECONDS = 60


def test_a_kind_of_ones_own_passes_its_own_test(db: None, tmp_path: Path) -> None:
    for block in blocks("python", document="docs/howto/add-a-kind.md"):
        name, _, text = block.text.partition("\n")
        file = tmp_path / name.removeprefix("# ")
        file.parent.mkdir(exist_ok=True)
        (file.parent / "__init__.py").touch()
        file.write_text(text)
    server, _, _ = POSTGRES.url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as postgres:
        postgres.execute("CREATE DATABASE howto")
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "DATABASE_URL": f"{server}/howto",
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
    }
    for command in (["makemigrations", "shelf"], ["migrate"], ["test"]):
        done = subprocess.run(
            [sys.executable, "-m", "django", *command],
            cwd=tmp_path, env=env, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 1 test" in done.stderr


class Heard(Exception):
    """What was waited for has come."""


async def test_a_script_hears_what_happens(edge: Edge) -> None:
    ann = await person()
    heard: list[Any] = []

    def handle(frame: dict[str, Any]) -> None:
        heard.append(frame["seq"])

    def save(cursor: Any) -> None:
        heard.append(cursor.seq)
        raise Heard

    (block,) = blocks("python", document="docs/howto/listen-from-python.md")
    text = re.sub(r"ws://[\w.:]+/ws/notification-updates/", edge.url, block.text)
    code = compile(text, str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    await filled(ann.pk, 2)
    names = {"get_token": token_of(ann), "cursor": Cursor("0", 1), "handle": handle, "save": save}
    with pytest.raises(Heard):
        await eval(code, names)  # noqa: S307 - our own document; with `await` outside of functions it is a coroutine
    assert heard == [2, 2]


def test_the_variables_for_a_provider_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    (listed, *_) = [one for one in blocks("", document="docs/howto/use-auth0.md") if "CLARION_JWKS_URL" in one.text]
    for line in listed.text.splitlines():
        name, _, value = line.partition("=")
        assert name.removeprefix("CLARION_").lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    assert Settings(secret_key="x" * 50).jwks_user_column == "auth0_id"
