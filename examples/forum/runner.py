"""Asks the runner of `make run` to break a part of the stack, and for the state of all parts.

Input: one request, which dev/breaks.py answers over a Unix socket. Output: its answer. Only `make run` listens: without
the setting FORUM_BREAK_SOCKET there is no runner to ask.
"""

import json
import socket
from typing import Any

from django.conf import settings

#: Longest wait for the runner (seconds): it answers inline.
_PATIENCE_SECONDS = 3


class RunnerAway(Exception):
    """The runner did not answer."""


def ask(request: str) -> dict[str, Any]:
    """Return the runner's answer to one line; raise RunnerAway."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_SECONDS)
            connection.connect(settings.FORUM_BREAK_SOCKET or "")
            connection.sendall(f"{request}\n".encode())
            answer = json.loads(connection.makefile("rb").readline())
    except (OSError, ValueError) as error:
        raise RunnerAway("`make run` does not answer") from error
    return dict(answer)
