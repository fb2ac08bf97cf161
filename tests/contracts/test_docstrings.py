"""Docstrings and comments name existing files and identifiers."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("pipeline", "edge", "shared", "examples", "dev", "benchmarks", "tests")
FILES = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.py") if "migrations" not in path.parts)

#: A path of a Python file; and an identifier: with an underscore, in CamelCase, or of a call.
FILE = re.compile(r"(?<![\w*./-])[\w./-]*\w\.py\b")
NAME = re.compile(r"`(?:\w+\.)*(\w*[a-zA-Z0-9]_\w+|\w+(?=\(\))|[A-Z][a-z]+[A-Z]\w*)(?:\(\))?`")


#: Files of an application that docstrings mention.
FOREIGN = {"manage.py"}


@cache
def words_of_code() -> frozenset[str]:
    """Every word in the code: identifiers, keys, SQL and JavaScript; docstrings and comments do not count."""
    words: set[str] = set()
    for path in FILES:
        tree = ast.parse(path.read_text())
        described = {id(node) for node in docstrings(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
                words.update(re.findall(r"\w+", node.value))
        words.update(token.string for token in tokens(path) if token.type == tokenize.NAME)
    for pattern in (
        "**/*.sql",
        "edge/client/*.js",
        "examples/forum/static/**/*.js",
        "Procfile",
        "*.yml",
        "deploy/**/*",
    ):
        for path in ROOT.glob(pattern):
            if path.is_file() and "node_modules" not in path.parts:
                words.update(re.findall(r"\w+", path.read_text(errors="replace")))
    return frozenset(words)


def tokens(path: Path) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(path.read_text()).readline)


def docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                yield first.value


def prose(path: Path) -> str:
    """The docstrings and comments of a file."""
    comments = (token.string for token in tokens(path) if token.type == tokenize.COMMENT)
    return "\n".join([*(str(node.value) for node in docstrings(ast.parse(path.read_text()))), *comments])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_files(path: Path) -> None:
    """A file that a docstring or comment names exists beside its module, in a folder above it, or below the root."""
    named = set(FILE.findall(prose(path))) - FOREIGN
    assert [
        name for name in named if not any((folder / name).exists() for folder in (path.parent, *path.parents))
    ] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_identifiers(path: Path) -> None:
    """An identifier that a docstring or comment names occurs in the code."""
    assert set(NAME.findall(prose(path))) - words_of_code() == set()
