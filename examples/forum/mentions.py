"""Finds the names that a text mentions. Pure.

Input: the body of a message. Output: its mentions, as lower-case names, or as segments of the text for rendering. A
mention is `@name` at the start or after white space or punctuation, as in `(@ann)`, `**@ann**` and `hi,@ann`. A name
consists of letters and digits of any script, `_`, `-` and `.`, and ends with a letter, a digit or `_`. E-mail
addresses, URLs and code (`` `@ann` ``) contain no mentions. The caller looks up which names belong to a user.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: More than anybody addresses by hand; beyond it a message is a mass mailing.
NAMES_MAX = 20

#: Django's user names are no longer (characters).
NAME_MAX_LENGTH = 150

#: Code first, so that no mention is found in it. A mention does not continue a word, an address or a path, and is not
#: the first part of an address. Underscores before it are Markdown's emphasis (`__@ann__`).
_MENTION = re.compile(
    r"```.*?```|`[^`\n]*`|(?<![\w@/+=&#%~-])(?<!\w\.)(?P<emphasis>_{0,3})@(?P<name>\w(?:[\w.-]*\w)?+)(?![\w.+-]*@)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text; `name` is the lower-case name where it is a mention."""

    text: str
    name: str | None = None


def mentioned_names(body: str) -> set[str]:
    """Return the names mentioned in `body`, in lower case: at most the first NAMES_MAX."""
    names: dict[str, None] = {}
    for segment in segments(body):
        if segment.name is not None:
            names[segment.name] = None
            if len(names) == NAMES_MAX:
                break
    return set(names)


def segments(body: str) -> Iterator[Segment]:
    """Split `body` into mentions and the text between them, without empty pieces."""
    # Composed, since a combining accent is not a letter; names are compared as Django stores them, which is NFKC.
    text = unicodedata.normalize("NFC", body)
    end = 0
    for match in _MENTION.finditer(text):
        if match["name"] is None:
            continue
        name = match["name"].removesuffix(match["emphasis"])
        if not name or len(name) > NAME_MAX_LENGTH:
            continue
        start = match.start("name") - 1
        if start > end:
            yield Segment(text[end:start])
        end = start + 1 + len(name)
        yield Segment(text[start:end], unicodedata.normalize("NFKC", name).lower())
    if end < len(text):
        yield Segment(text[end:])
