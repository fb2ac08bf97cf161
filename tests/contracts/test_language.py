"""Plain English: markers of riddles are counted in documents, docstrings and comments (CONTRIBUTING.md, "Language")."""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("clarion", "pipeline", "edge", "shared", "examples", "dev", "benchmarks", "tests")

_VERBS = "is|was|are|were|it|they|he|she|we|one|has|had|comes?|must|may|can|cannot|does|did"
MARKERS = {
    "a clause as a noun": rf"\b(what|whoever) ({_VERBS})\b",
    "whoever, somebody, nobody": r"\b(whoever|whatever|somebody|nobody|everybody)\b",
    "tell": r"\b(tells?|told|telling)\b",
    "is none, is no": r"\bis (none|no)\b",
}
#: The most markers of each sort per 1,000 words.
CEILING = 0.5


def documents() -> str:
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "edge/client/README.md"]
    return "\n".join(re.sub(r"```.*?```", "", path.read_text(), flags=re.S) for path in paths)


def docstrings() -> str:
    """Return the docstrings and comments of all Python files."""
    texts = []
    for path in (path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.py")):
        source = path.read_text()
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, documented))
        texts += [ast.get_docstring(node) or "" for node in nodes]
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        texts += [token.string for token in tokens if token.type == tokenize.COMMENT]
    return "\n".join(texts)


def rates(text: str) -> dict[str, float]:
    """Return the number of each marker per 1,000 words."""
    words = len(text.split())
    found = Counter({name: len(re.findall(marker, text, re.I)) for name, marker in MARKERS.items()})
    return {name: round(1000 * found[name] / words, 2) for name in MARKERS}


@pytest.mark.parametrize("texts", [documents, docstrings])
def test_texts_are_plain(texts: Callable[[], str]) -> None:
    """No marker is more frequent than the ceiling."""
    over = {name: rate for name, rate in rates(texts()).items() if rate > CEILING}
    assert not over, f"more than {CEILING} per 1,000 words: see CONTRIBUTING.md, Language"
