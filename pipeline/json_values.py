"""Values of an application as JSON that Postgres can hold and every browser can read.

Input: what an audience's `data` or an event's payload holds. Output: JSON text for a `jsonb` column. Dates, decimals,
UUIDs and lazy translations are written as Django writes them in JSON. NUL and unpaired surrogates, which Postgres
refuses, become U+FFFD. NaN and the infinities, which JSON does not have, become null, as in browsers.
"""

import json
import math
import re
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.functional import Promise
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

#: Maximum nesting of lists and objects: far below the limits of Python's and browsers' parsers.
DEPTH_MAX: Final = 50

#: Size of one notification's `data` as JSON (bytes). It is held once for each client that is behind.
DATA_MAX_BYTES: Final = 16_384

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_encode_value = DjangoJSONEncoder().default


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("boolean", "a boolean is not a number")
    return value


#: For integer fields: Python counts True as 1, and `true` is not the user 1.
NOT_BOOLEAN: Final = BeforeValidator(_no_boolean)


class InvalidValue(ValueError):
    """A value that cannot be written as JSON; the message has its path."""


def storable(value: Any, name: str) -> Any:
    """Return `value` in types of JSON that Postgres can hold; raise InvalidValue with the path, starting at `name`."""
    return _storable(value, name, DEPTH_MAX)


def encode(value: Any, name: str, *, max_bytes: int | None = None) -> str:
    """Return a storable value as JSON text; raise InvalidValue where it is larger than `max_bytes`."""
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except ValueError as error:  # a whole number of thousands of digits
        raise InvalidValue(f"{name}: {error}") from error
    if max_bytes is not None and (size := len(text.encode())) > max_bytes:
        raise InvalidValue(
            f"{name} has {size:,} bytes as JSON; at most {max_bytes:,} are possible: send a link instead"
        )
    return text


def storable_text(text: str) -> str:
    """Return `text` with each character that Postgres refuses replaced by U+FFFD."""
    return text if text.isascii() and "\x00" not in text else _UNSTORABLE.sub("\ufffd", text)


def _storable(value: Any, path: str, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth == 0:
        raise InvalidValue(f"{path} is nested more than {DEPTH_MAX} levels deep")
    if isinstance(value, dict):
        return {_key(key, path): _storable(item, f"{path}.{key}", depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(item, f"{path}[{index}]", depth - 1) for index, item in enumerate(value)]
    try:
        return _storable(_encode_value(value), path, depth - 1)
    except TypeError:
        raise InvalidValue(
            f"{path} is a {type(value).__name__}, which has no form in JSON: pass text, numbers, lists or dictionaries"
        ) from None


def _key(key: Any, path: str) -> str:
    if isinstance(key, (str, Promise)):
        return storable_text(str(key))
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)
    return storable_text(str(_named(key, path)))


def _named(key: Any, path: str) -> Any:
    try:
        return _encode_value(key)
    except TypeError:
        raise InvalidValue(f"{path} has a key of type {type(key).__name__}: use text") from None
