"""Code blocks in the documents are valid, use existing names, and are each run by a test, or have a reason why not."""

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

from tests.docs.blocks import DOCUMENTS, NOT_RUN, ROOT, RUN_BY, Block, Some, blocks, blocks_of
from tests.programs import node

#: Languages of blocks. Text is for diagrams, answers and addresses.
LANGUAGES = {
    *("dockerfile", "nginx", "{eval-rst}", "sh", "python", "js", "jsx", "ts", "json", "sql", "text", "html"),
    *("{toctree}", "{include}", ""),
}
OURS = ("clarion", "examples", "tests", "benchmarks")


def test_block_language() -> None:
    """Every code block is in a known language."""
    assert {block.language for block in blocks()} <= LANGUAGES


def test_all_blocks_found() -> None:
    """Every fence in the documents belongs to a block that the parser finds."""
    fences = [line for path in DOCUMENTS for line in path.read_text().splitlines() if re.match(r" *(```|~~~)", line)]
    assert len(fences) == 2 * len(blocks())


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_block_has_a_test(block: Block) -> None:
    """Each block is run by exactly one test or has a reason why not."""
    tests = [test for test, some in RUN_BY.items() if any(one.has(block) for one in some)]
    reasons = [reason for some, reason in NOT_RUN if some.has(block)]
    assert len(tests + reasons) == 1, f"run by {tests}, not run because {reasons}: see tests/docs/blocks.py"


@pytest.mark.parametrize(
    "some", [*(one for some in RUN_BY.values() for one in some), *(one for one, _ in NOT_RUN)], ids=str
)
def test_listed_block_exists(some: Some) -> None:
    """Each listed entry matches at least one block."""
    assert any(some.has(block) for block in blocks())


@pytest.mark.parametrize("test", RUN_BY)
def test_listed_test_runs_its_blocks(test: str) -> None:
    """Each listed test exists once and reads its blocks by `blocks_of`."""
    functions = [
        ast.unparse(statement)
        for file in ROOT.glob("tests/**/test_*.py")
        if test in (text := file.read_text())
        for statement in ast.walk(ast.parse(text))
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert sum(f"def {test}(" in one for one in functions) == 1
    assert any(f"blocks_of('{test}')" in one for one in functions)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_block(block: Block) -> None:
    """A Python block compiles, and its imports of this project exist."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(block.text, str(block), "exec", flags)
    for statement in ast.walk(tree):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").split(".")[0] in OURS:
            module = importlib.import_module(statement.module or "")
            for alias in statement.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{statement.module}.{alias.name}")


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_block(block: Block) -> None:
    """A JSON block is valid JSON."""
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("js"), ids=str)
def test_javascript_block(block: Block, tmp_path: Path) -> None:
    """A JavaScript block is valid for Node."""
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


def test_process_commands() -> None:
    """Each command in the last table of commands appears in the Procfile or in the how-to of a kind."""
    run = [line for block in blocks_of("test_documented_kind_on_socket") for line in block.text.splitlines()]
    run += (ROOT / "Procfile").read_text().splitlines()
    table = (ROOT / "docs/commands.md").read_text().split("## Processes")[1]
    listed = re.findall(r"^\| \w+ \| `(.+)` \|$", table, flags=re.M)
    assert len(listed) == 4
    for command in listed:
        assert any(set(command.split()) <= set(line.split()) for line in run), command


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_command_block(block: Block) -> None:
    """A shell block uses existing make targets, Django commands and Celery options."""
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
    assert arguments[:2] == ["-A", "clarion.pipeline"]
    command = celery_command.get_command(None, arguments[2])  # type: ignore[arg-type]  # no context is needed
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    for argument in arguments[3:]:
        if argument.startswith("--"):
            assert argument.split("=")[0] in known, argument
