"""Text analysis: words, addresses, headings, frequencies, Markdown."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.forum.texts import (
    FOUND_MAX,
    FREQUENT_MAX,
    Unreadable,
    Written,
    addresses,
    count_words,
    decoded,
    frequencies,
    headings,
    markdown,
)


def test_count_words() -> None:
    """Words of any script are counted."""
    assert count_words("Brot, don't — día! 面包 x2") == 5


@pytest.mark.parametrize("text", ["", " \n", "... — !"])
def test_text_without_words(text: str) -> None:
    """A text without words is unreadable."""
    with pytest.raises(Unreadable):
        count_words(text)


def test_decode_utf8() -> None:
    """Bytes are decoded as UTF-8, with or without a byte order mark."""
    assert decoded("\ufeffBröt\r\nchen".encode()) == "Bröt\nchen"


def test_addresses() -> None:
    """Each e-mail address is found once, in order."""
    text = "Ann@Here.example, <ben+x@mail.there.example>; ann@here.example, @cleo, a@b, x@y.z."
    assert addresses(text) == ["ann@here.example", "ben+x@mail.there.example", "x@y.z"]


def test_headings() -> None:
    """Headings are found in order."""
    assert headings("# Dough #\ntext # no\n#no\n   \n### Oven  \n####### no") == ["Dough", "Oven"]


def test_frequencies() -> None:
    """The most frequent significant words come first."""
    assert frequencies("the Oven, a loaf; the loaf and oven, LOAF") == [("loaf", 3), ("oven", 2)]


def test_frequencies_of_short_words() -> None:
    """A text of short words has no significant words and is unreadable."""
    with pytest.raises(Unreadable, match="4 letters"):
        frequencies("to be or not to be")


def test_markdown_export() -> None:
    """A thread is exported as Markdown, and the users' own text is escaped."""
    at = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
    assert markdown("*Bread*", [Written("ann_b", at, "Rye?\r\n\r\n# <b>")]) == (
        "# \\*Bread\\*\n\n## ann\\_b, 2030-01-02 03:04\n\nRye?\n\n\\# \\<b\\>\n"
    )


@given(st.text(max_size=2000))
def test_any_text(text: str) -> None:
    """Any text is analysed within the limits or is unreadable."""
    assert len(addresses(text)) <= FOUND_MAX
    assert len(headings(text)) <= FOUND_MAX
    with suppress(Unreadable):
        assert count_words(text) >= 1
        assert 1 <= len(frequencies(text)) <= FREQUENT_MAX


@given(st.binary(max_size=500))
def test_any_bytes(content: bytes) -> None:
    """Any bytes are decoded without NUL characters or are unreadable."""
    with suppress(Unreadable):
        assert "\x00" not in decoded(content)
