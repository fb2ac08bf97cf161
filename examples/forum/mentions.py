"""The names that a text mentions. Pure.

Enters: the body of a message. Leaves: its mentions, as lower-case names or as segments of the text for rendering. A
mention is `@name` at the start or after white space, its name made of letters and digits of any script, `_` and `-`;
whatever punctuation follows is not part of it, and nothing within an e-mail address is one. Whether a name belongs to
somebody is for the caller to find out.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: More than anybody addresses by hand; beyond it a message is a mass mailing.
NAMES_MAX = 20

#: Django's user names are no longer (characters).
NAME_MAX_LENGTH = 150

#: A name begins with a letter or digit, does not end with a hyphen, and is not the first part of an address.
_MENTION = re.compile(r"(?<!\S)@(\w(?:[\w-]*\w)?+)(?![\w.+-]*@)")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text; `name` is the lower-case name where it is a mention."""

    text: str
    name: str | None = None


def mentioned_names(body: str) -> set[str]:
    """The names mentioned in `body`, in lower case: at most the first NAMES_MAX."""
    names: dict[str, None] = {}
    for segment in segments(body):
        if segment.name is not None:
            names[segment.name] = None
            if len(names) == NAMES_MAX:
                break
    return set(names)


def segments(body: str) -> Iterator[Segment]:
    """The text of `body`, cut into mentions and what stands between them; empty pieces are left out."""
    # Composed, since a combining accent is no letter; names are compared as Django stores them, which is NFKC.
    text = unicodedata.normalize("NFC", body)
    end = 0
    for match in _MENTION.finditer(text):
        if len(match[1]) > NAME_MAX_LENGTH:
            continue
        if match.start() > end:
            yield Segment(text[end : match.start()])
        yield Segment(match[0], unicodedata.normalize("NFKC", match[1]).lower())
        end = match.end()
    if end < len(text):
        yield Segment(text[end:])
