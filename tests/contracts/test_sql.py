"""SQL is made of constants only: values are passed as parameters."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clarion.pipeline import sql

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("pipeline", "shared", "edge") for path in ROOT.glob(f"{folder}/**/*.py"))

#: The beginning of a statement, or of a part of one that is completed elsewhere.
SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|LEFT JOIN|FROM|RETURNING|CREATE|ALTER)\b")

#: Fields of `WorkType`, whose two instances are constants (see pipeline/outbox/work.py).
OF_KINDS = {"kind.table", "kind.lane"}
#: Names of tables and columns, out of the settings or a model, each quoted a line before.
QUOTED = {
    "shared/inbox/user_queries.py": {
        *("t", "pk", "name", "active", "subject", "user", "named", "self.active", "self.key", "key", "condition"),
        *("inbox", "number", "asked", "sql_type", "users.keys.sql", "log_sql(users.keys, 'asked.after')"),
    },
    "pipeline/names.py": {"name", "table", "pk", "actor"},
    "pipeline/adhoc.py": {"one.sql"},  # the name of a type
}

#: The files that fill a template of SQL by `.format`, with the source of each field: constants, or SQL that Django
#: compiled.
FORMATTED = {
    "pipeline/inbox/marking.py": {"is_unread": "constants", "matches": "constants"},
    "pipeline/inbox/personal.py": {"table": "constants"},
    "pipeline/migrations/0002_autovacuum.py": {"table": "constants"},
    "shared/inbox/migrations/0004_storage_parameters.py": {"table": "constants"},
    "pipeline/inbox/rekey.py": {"table": "constants"},
    "pipeline/outbox/recording.py": {"actor_column": "constants"},
    "pipeline/outbox/work.py": {"actor": "constants", "number": "constants"},
    "pipeline/expiry.py": {
        "table": "constants",
        "column": "constants",
        "condition": "constants",
        "unread": "constants",
    },
    "pipeline/outbox/sweep.py": {"table": "constants", "backoff": "constants"},
    "pipeline/fanout.py": {
        "query": "compiled",
        "audiences": "compiled",
        "if_known": "constants",
        "if_total": "constants",
        "present": "constants",
        "n": "constants",
        "content": "constants",
        "username": "quoted",
        "rank": "a number of ours",
        "along_the_index": "constants",
    },
    "pipeline/persist.py": {
        "user": "constants",
        "owner": "constants",
        "key": "constants",
        "key_column": "constants",
        "key_of_recipient": "constants",
        "users": "constants",
        "next_seq": "constants",
        "mark_stored": "constants",
        "in_window": "constants",
        "is_read": "constants",
    },
    "shared/inbox/queries.py": {
        "after": "constants",
        "epoch": "constants",
        "unseen": "constants",
        "which": "constants",
        "number": "constants",
        "actor": "constants",
        "log": "constants",
        "is_read": "constants",
    },
    "shared/installation.py": {"cluster": "constants"},
}


def is_constant(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Name) and re.fullmatch(r"_?[A-Z][A-Z0-9_]*", expression.id) is not None


def is_loaded(expression: ast.expr) -> bool:
    """Whether the expression is a call such as `load("fan_out")`."""
    return isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name) and expression.func.id == "load"


def put_in(path: Path) -> Iterator[str]:
    """Every expression that is put into a text of SQL in this file, but for constants of the module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr) and SQL.match("".join(text_of(node))):
            for part in node.values:
                if isinstance(part, ast.FormattedValue) and not is_constant(part.value):
                    yield ast.unparse(part.value)


def text_of(node: ast.JoinedStr) -> Iterator[str]:
    for part in node.values:
        yield str(part.value) if isinstance(part, ast.Constant) else "x"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sql_from_constants(path: Path) -> None:
    """Only constants and quoted names are put into SQL."""
    name = str(path.relative_to(ROOT))
    allowed = OF_KINDS | QUOTED.get(name, set())
    assert set(put_in(path)) <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sql_templates(path: Path) -> None:
    """A template of SQL is filled only in the known files, with the known fields."""
    name = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "format"
            and (is_constant(node.func.value) or is_loaded(node.func.value))
        ):
            assert not node.args
            assert {keyword.arg for keyword in node.keywords} <= set(FORMATTED[name])


def test_sql_without_percent_formatting() -> None:
    """No SQL is formatted by the percent operator."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
                assert not SQL.match(str(node.left.value)), f"{path}: {node.left.value}"


SQL_FILES = sorted((ROOT / "pipeline" / "sql").glob("*.sql"))


def test_sql_files_in_package_map() -> None:
    """The package's docstring lists every file of SQL."""
    assert set(re.findall(r"^`(\w+)\.sql`", sql.__doc__ or "", re.MULTILINE)) == {path.stem for path in SQL_FILES}


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: path.stem)
def test_sql_file_comments(path: Path) -> None:
    """A file opens with a comment, and each of its CTEs has one unless a simple deletion."""
    text = path.read_text()
    assert text.startswith("-- ")
    lines = text.splitlines()
    for number, line in enumerate(lines):
        cte = re.match(r"(?:WITH )?(\w+)(?: \([\w, ]+\))? AS \((.*)", line)
        if cte and "DELETE FROM" not in cte[2] + lines[number + 1]:
            assert lines[number - 1].startswith("--"), f"{cte[1]} has no comment"


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: path.stem)
def test_loaded_sql(path: Path) -> None:
    """A loaded statement has no comments, is one statement, and fails if a fragment is missing."""
    loaded = sql.load(path.stem)
    assert "--" not in loaded
    assert ";" not in loaded
    assert {*re.findall(r"{(\w+)}", loaded)} <= {name for names in FORMATTED.values() for name in names}
