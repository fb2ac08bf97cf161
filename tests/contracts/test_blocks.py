"""Code blocks in the documents are what they say, and name what is there. What can be run is run elsewhere."""

import ast
import importlib
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from celery.bin.celery import celery as celery_command
from django.core.management import get_commands

from tests.documents import ROOT, Block, blocks
from tests.programs import node

#: What a block may be. Text is for what is no code: diagrams, answers, addresses.
LANGUAGES = {"sh", "python", "js", "jsx", "ts", "json", "sql", "text", "html", "ini", "{toctree}", ""}
OURS = ("pipeline", "edge", "shared", "examples", "tests", "benchmarks")


def test_every_block_is_of_a_known_language() -> None:
    assert {block.language for block in blocks()} <= LANGUAGES


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_is_python_and_imports_what_is_there(block: Block) -> None:
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(block.text, str(block), "exec", flags)
    for statement in ast.walk(tree):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").split(".")[0] in OURS:
            module = importlib.import_module(statement.module or "")
            for alias in statement.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{statement.module}.{alias.name}")


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("js"), ids=str)
def test_javascript_is_javascript(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "block.mjs"
    file.write_text(block.text)
    checked = subprocess.run([node(), "--check", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def commands(block: Block) -> list[list[str]]:
    """The commands of a shell block, as words, without the variables before them."""
    lines = block.text.replace("\\\n", " ")
    lines = re.sub(r"'\{.*?\}'", "''", lines, flags=re.DOTALL)  # the body of a request
    words = [shlex.split(line, comments=True) for line in lines.splitlines()]
    return [stripped for one in words if (stripped := _without_variables(one))]


def _without_variables(words: list[str]) -> list[str]:
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    return words


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_a_command_names_what_is_there(block: Block) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name, *arguments in commands(block):
        match name:
            case "make":
                target = next(one for one in arguments if "=" not in one and not one.startswith("-"))
                assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
            case "python" | ".venv/bin/python" if arguments[:2] == ["-m", "django"]:
                assert arguments[2] in get_commands()
            case "celery":
                _is_a_command_of_celery(arguments)
    assert block.language


def _is_a_command_of_celery(arguments: list[str]) -> None:
    assert arguments[:2] == ["-A", "pipeline"]
    command = celery_command.get_command(None, arguments[2])  # type: ignore[arg-type]  # no context is needed
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    for argument in arguments[3:]:
        if argument.startswith("--"):
            assert argument.split("=")[0] in known, argument
