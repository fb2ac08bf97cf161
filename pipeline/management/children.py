"""The child processes of `manage.py clarion dev`: started, shown with their names, restarted, ended."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Final

#: Time for a process to end before it is killed (seconds).
END_SECONDS: Final = 10.0

#: Time for the last lines of a process that has ended; a child of its own may keep the pipe open (seconds).
LAST_LINES_SECONDS: Final = 1.0

#: linux/prctl.h
PR_SET_PDEATHSIG: Final = 1

Show = Callable[[str, str], None]


@dataclass
class Child:
    """A command with additional variables; `show` receives its name and each of its lines."""

    name: str
    command: Sequence[str]
    show: Show
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: "subprocess.Popen[str] | None" = None
    _copying: threading.Thread | None = None

    def start(self) -> None:
        """Start it, in a group of its own, so that Ctrl-C in the terminal reaches it through its parent only."""
        self._process = process = subprocess.Popen(  # noqa: S603 - a command of ours
            self.command,
            env=os.environ | self.environment | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True, preexec_fn=_end_with_parent(),  # noqa: PLW1509 - a plain call
        )  # fmt: skip
        self._copying = threading.Thread(target=self._copy, args=(process.stdout,), daemon=True)
        self._copying.start()

    def _copy(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self.show(self.name, line.rstrip())

    def ended(self) -> int | None:
        """Return its exit code once, after it has ended by itself; None otherwise."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            self._process = None
        return code

    def ask_to_end(self) -> None:
        """Send SIGTERM, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def end(self, deadline: float) -> None:
        """Wait for its end until the deadline (monotonic seconds), then kill it."""
        process, self._process = self._process, None
        if process is not None:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._copying is not None:
            self._copying.join(LAST_LINES_SECONDS)


def _end_with_parent() -> Callable[[], object] | None:
    """Return a call for the child, after which Linux ends it with its parent, also if that one is killed.

    It ends with the thread that has started it, so start children in the main thread.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # before the fork: after it, only plain calls are safe
    return lambda: prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def end_all(children: Sequence[Child]) -> None:
    """End these processes together."""
    deadline = time.monotonic() + END_SECONDS
    for child in children:
        child.ask_to_end()
    for child in children:
        child.end(deadline)
