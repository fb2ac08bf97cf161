"""Finds values in a JSON body that are not JSON, or that Postgres cannot hold, and says where they are.

Python's parser accepts NaN and unpaired surrogates. The pipeline replaces them in data of the web app, which is better
than losing a notification. A service gets an error instead, because it can correct the value.
"""

import math
import re
from typing import Any

from ..json_values import DEPTH_MAX

_SURROGATE = re.compile("[\ud800-\udfff]")
#: Longest part of a path that an answer quotes (characters).
_QUOTED_MAX = 60


def misfit(value: Any, path: str, depth: int = DEPTH_MAX) -> str | None:
    """Return the error of the first value that cannot be stored, with its path; None if all can."""
    if isinstance(value, str):
        return _misfit_of_text(value, path)
    if isinstance(value, float) and not math.isfinite(value):
        return f"{path} is not a finite number, which JSON does not have: send null or text"
    if not isinstance(value, (dict, list)):
        return None
    if depth == 0:
        return f"{path[:_QUOTED_MAX]} is nested more than {DEPTH_MAX} levels deep"
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in parts:
        where = f"{path}[{name}]" if isinstance(name, int) else f"{path}.{_quoted(name)}"
        found = (_misfit_of_text(name, where) if isinstance(name, str) else None) or misfit(part, where, depth - 1)
        if found:
            return found
    return None


def _misfit_of_text(text: str, path: str) -> str | None:
    if "\x00" in text:
        return f"{path} holds the character NUL, which Postgres cannot store"
    if _SURROGATE.search(text):
        return f"{path} holds half of a surrogate pair, which is not a character"
    return None


def _quoted(name: str) -> str:
    return _SURROGATE.sub("\ufffd", name).replace("\x00", "\ufffd")[:_QUOTED_MAX]
