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


def test_words_of_any_script_are_counted() -> None:
    assert count_words("Brot, don't — día! 面包 x2") == 5


@pytest.mark.parametrize("text", ["", " \n", "... — !"])
def test_a_text_without_words_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        count_words(text)


def test_bytes_are_text_in_utf_8_with_or_without_a_mark() -> None:
    assert decoded("\ufeffBröt\r\nchen".encode()) == "Bröt\nchen"


def test_addresses_are_found_once_in_order() -> None:
    text = "Ann@Here.example, <ben+x@mail.there.example>; ann@here.example, @cleo, a@b, x@y.z."
    assert addresses(text) == ["ann@here.example", "ben+x@mail.there.example", "x@y.z"]


def test_headings_are_found_in_order() -> None:
    assert headings("# Dough #\ntext # no\n#no\n   \n### Oven  \n####### no") == ["Dough", "Oven"]


def test_the_most_frequent_telling_words_come_first() -> None:
    assert frequencies("the Oven, a loaf; the loaf and oven, LOAF") == [("loaf", 3), ("oven", 2)]


def test_a_text_of_short_words_tells_nothing() -> None:
    with pytest.raises(Unreadable, match="4 letters"):
        frequencies("to be or not to be")


def test_a_thread_becomes_markdown_and_what_people_wrote_stays_text() -> None:
    at = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
    assert markdown("*Bread*", [Written("ann_b", at, "Rye?\r\n\r\n# <b>")]) == (
        "# \\*Bread\\*\n\n## ann\\_b, 2030-01-02 03:04\n\nRye?\n\n\\# \\<b\\>\n"
    )


@given(st.text(max_size=2000))
def test_any_text_is_read_or_unreadable(text: str) -> None:
    assert len(addresses(text)) <= FOUND_MAX
    assert len(headings(text)) <= FOUND_MAX
    with suppress(Unreadable):
        assert count_words(text) >= 1
        assert 1 <= len(frequencies(text)) <= FREQUENT_MAX


@given(st.binary(max_size=500))
def test_any_bytes_are_text_or_unreadable(content: bytes) -> None:
    with suppress(Unreadable):
        assert "\x00" not in decoded(content)
