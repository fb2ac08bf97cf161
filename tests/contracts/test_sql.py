"""SQL is made of constants, and of nothing that anybody sends: values go as parameters."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("pipeline", "shared", "edge") for path in ROOT.glob(f"{folder}/**/*.py"))

#: What begins a statement, or a part of one that is put together elsewhere.
SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|LEFT JOIN|FROM|RETURNING|CREATE|ALTER)\b")

#: Fields of `WorkType`, whose two instances are constants (see pipeline/outbox/work.py).
OF_KINDS = {"kind.table", "kind.lane"}
#: Names of tables and columns, out of the settings or a model, each quoted a line before.
QUOTED = {
    "shared/inbox/queries.py": {"t", "pk", "name", "active", "subject", "user", "named", "self.active", "condition"},
    "pipeline/names.py": {"name", "table", "pk"},
}

#: Who puts a template of SQL together by `.format`, and out of what: constants, or what Django compiled.
FORMATTED = {
    "pipeline/inbox/personal.py": {"table": "constants"},
    "pipeline/expiry.py": {"table": "constants", "column": "constants", "still": "constants", "shown": "constants"},
    "pipeline/outbox/sweep.py": {"table": "constants", "backoff": "constants"},
    "pipeline/fanout.py": {
        "who": "compiled",
        "candidates": "compiled",
        "told": "constants",
        "username": "quoted",
        "rank": "a number of ours",
        "along_the_index": "constants",
    },
    "shared/inbox/queries.py": {"after": "constants", "epoch": "constants", "which": "constants"},
    "shared/installation.py": {"cluster": "constants"},
}


def is_constant(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Name) and re.fullmatch(r"_?[A-Z][A-Z0-9_]*", expression.id) is not None


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
def test_nothing_but_constants_is_put_into_sql(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    allowed = OF_KINDS | QUOTED.get(name, set())
    found = set(put_in(path))
    if name == "shared/inbox/queries.py":
        found = {one for one in found if not one.startswith("_LOG.format(after='")}
    assert found <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_of_sql_is_filled_where_it_is_known_to_be(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "format"
            and is_constant(node.func.value)
        ):
            assert not node.args
            assert {keyword.arg for keyword in node.keywords} <= set(FORMATTED[name])


def test_no_percent_sign_fills_in_sql() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
                assert not SQL.match(str(node.left.value)), f"{path}: {node.left.value}"
