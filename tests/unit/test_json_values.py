"""Values of an application as JSON: every type that Django writes, and characters that Postgres refuses."""

import json
import uuid
from collections import OrderedDict, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe

from clarion.pipeline.json_values import DEPTH_MAX, InvalidValue, encode, storable


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    SMALL = 1


class Plain(Enum):
    ONE = 1


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value,stored",
    [
        (Decimal("1.50"), "1.50"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (timedelta(minutes=5), "P0DT00H05M00S"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (lazystr("later"), "later"),
        (mark_safe("<b>"), "<b>"),
        (Colour.RED, "red"),
        (Size.SMALL, 1),
        (float("nan"), None),
        (float("-inf"), None),
        ("half \ud83d of an emoji", "half \ufffd of an emoji"),
        ("😀", "😀"),
        ("a\x00b", "a\ufffdb"),
        (("a", 1), ["a", 1]),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(int, a=1), {"a": 1}),
        ({7: 1, uuid.UUID(int=7): 2, lazystr("k"): 3}, {"7": 1, "00000000-0000-0000-0000-000000000007": 2, "k": 3}),
        ({"\ud83d": 1}, {"\ufffd": 1}),
        (2**100, 2**100),
        (True, True),
    ],
)
def test_stored_values(value: Any, stored: Any) -> None:
    """A value is stored as Django and browsers write it in JSON."""
    text = encode(storable({"x": [value]}, "data"), "data")
    text.encode()  # is valid UTF-8
    assert json.loads(text) == {"x": [stored]}


@pytest.mark.parametrize(
    "value,says",
    [
        ({"a": {"b": [1, {2}]}}, "data.a.b[1] is a set"),
        ({"a": object()}, "data.a is a object"),
        ({"a": b"x"}, "data.a is a bytes"),
        ({"a": 1j}, "data.a is a complex"),
        ({"a": Plain.ONE}, "data.a is a Plain"),
        ({(1, 2): 1}, "data has a key of type tuple"),
        (nested(DEPTH_MAX + 1), f"more than {DEPTH_MAX} levels"),
        ({"a": 10**5000}, "data: Exceeds the limit"),
    ],
)
def test_values_without_json(value: Any, says: str) -> None:
    """A value that JSON cannot represent is refused, and the error names its place."""
    with pytest.raises(InvalidValue) as refused:
        encode(storable(value, "data"), "data")
    assert says in str(refused.value)


def test_size_in_bytes() -> None:
    """The size limit counts the bytes of the encoded JSON."""
    encode({"x": "é" * 4}, "data", max_bytes=16)
    with pytest.raises(InvalidValue, match="data has 16 bytes as JSON; at most 15"):
        encode({"x": "é" * 4}, "data", max_bytes=15)


def test_deepest_value() -> None:
    """A value of the maximum depth can be stored and read again."""
    assert json.loads(encode(storable(nested(DEPTH_MAX), "data"), "data")) == nested(DEPTH_MAX)
