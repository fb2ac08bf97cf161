"""The code blocks of the documents.

Enters: the documents. Leaves: each block with its language, where it stands, and its text without the indentation that
it has in a list.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>[\w{}]*)\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    document: str  # its path in the repository
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(*languages: str, document: str | None = None) -> list[Block]:
    """All blocks in these languages (all, if none is named), of one document or of all."""
    found = []
    for path in DOCUMENTS:
        name = str(path.relative_to(ROOT))
        if document is not None and name != document:
            continue
        text = path.read_text()
        for match in _BLOCK.finditer(text):
            block = Block(
                name, text.count("\n", 0, match.start()) + 1, match["language"], textwrap.dedent(match["text"])
            )
            if not languages or block.language in languages:
                found.append(block)
    return found
