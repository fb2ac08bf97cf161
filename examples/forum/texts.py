"""Text analysis. Pure functions.

Input: uploaded bytes or text, or a thread's messages. Output: words, addresses, headings, frequencies, Markdown; or
Unreadable, whose message explains the problem to the user.
"""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

#: The shortest word that says what a text is about (letters).
TELLING_LENGTH = 4

#: Words of an analysis, and pieces of an extract.
FREQUENT_MAX = 20
FOUND_MAX = 200

_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
#: Good enough to write to; each part is bounded, so that no text takes long.
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_HEADING = re.compile(r"^#{1,6}[ \t]+(\S[^\n]*)$", re.MULTILINE)
#: What begins something else than a paragraph in Markdown, or a tag in HTML.
_MARKUP = re.compile(r"([\\`*_\[\]<>#|])")


class Unreadable(Exception):
    """Nothing can be made of this text."""


class Written(NamedTuple):
    """One message of a thread."""

    author: str
    at: datetime
    body: str


def decoded(content: bytes) -> str:
    """Return the text; raises Unreadable."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"This is not text in UTF-8: byte {error.start + 1} does not fit.") from error
    if "\x00" in text:
        raise Unreadable("This is not text: it holds bytes of zero.")
    return text.replace("\r\n", "\n")


def count_words(text: str) -> int:
    """How many words there are; raises Unreadable where there are none."""
    count = sum(1 for _ in _WORD.finditer(text))
    if count == 0:
        raise Unreadable("There are no words in it.")
    return count


def addresses(text: str) -> list[str]:
    """Return the e-mail addresses in the text, each once, in order."""
    return list(dict.fromkeys(match[0].lower() for match in _ADDRESS.finditer(text)))[:FOUND_MAX]


def headings(text: str) -> list[str]:
    """Its headings, as Markdown marks them, in order."""
    return [match[1].rstrip(" \t#") for match in _HEADING.finditer(text)][:FOUND_MAX]


def frequencies(text: str) -> list[tuple[str, int]]:
    """Return the most frequent significant words with their counts, ties in alphabetical order; raise Unreadable."""
    words = Counter(word for match in _WORD.finditer(text) if len(word := match[0].lower()) >= TELLING_LENGTH)
    if not words:
        raise Unreadable(f"There is no word of {TELLING_LENGTH} letters or more in it.")
    return sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))[:FREQUENT_MAX]


def markdown(title: str, messages: Iterable[Written]) -> str:
    """Return a thread as Markdown; the messages are escaped."""
    parts = [f"# {_escaped(title)}"]
    for author, at, body in messages:
        parts.append(f"## {_escaped(author)}, {at:%Y-%m-%d %H:%M}")
        parts += [_escaped(paragraph) for paragraph in body.replace("\r\n", "\n").split("\n\n") if paragraph.strip()]
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text.strip())
