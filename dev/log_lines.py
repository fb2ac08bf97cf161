"""Shows the JSON logs of processes as plain lines to a person at a terminal."""

import json
from typing import Any, Final

_USUAL: Final = ("at", "level", "logger", "message", "exc_info", "taskName")
#: Colours of the levels that are shown; others are usual.
_COLOURS: Final = {"WARNING": 33, "ERROR": 31, "CRITICAL": 31}


def plain(line: bytes) -> bytes:
    """Return a line of JSON as a sentence with its ids, and its traceback below; any other line as it is."""
    try:
        content: Any = json.loads(line)
        message, level = content["message"], content["level"]
    except (ValueError, TypeError, KeyError):
        return line
    ids = "".join(f"  {name}={value}" for name, value in content.items() if name not in _USUAL)
    traceback = f"\n{content['exc_info']}" if content.get("exc_info") else ""
    shown = f"\033[{_COLOURS[level]}m{level}\033[0m " if level in _COLOURS else ""
    return f"{shown}{message}{ids}{traceback}\n".encode()
