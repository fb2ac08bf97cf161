"""Runs lines of the Procfile as processes, with their output named and interleaved in one terminal.

Input: names, shell commands and their environment. Output: running processes, each the leader of its own process group,
and the first one that ended. honcho reads the Procfile and prints. Its own manager is not used, because it allows five
seconds to end, does not report which process ended first, and leaves the processes running when it is killed.
"""

import contextlib
import datetime
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Message, Printer

from dev import children
from dev.log_lines import plain

#: Seconds for which the loop sleeps when nothing is printed; also how soon an ended process is noticed.
_TICK_SECONDS = 0.1

#: Lines that may wait to be printed. A terminal that is held up holds up the processes, not our memory.
_LINES_WAITING = 1000

#: Seconds to read what ended processes said last.
_LAST_WORDS_SECONDS = 1

#: How the line ends by which a Celery worker says that it takes tasks.
_READY = b" ready."

#: Name under which the runner itself speaks.
_OWN_NAME = "run"


@dataclass(frozen=True)
class Child:
    """One process of ours. `ready` is set when it has said so, as workers do."""

    name: str
    command: str
    process: subprocess.Popen[bytes]
    reader: threading.Thread
    ready: threading.Event


class Supervisor:
    """Starts, watches and stops processes. All methods belong to the main thread."""

    def __init__(self, folder: Path, environment: Mapping[str, str], names: list[str]) -> None:
        self.children: list[Child] = []
        self._folder = folder
        self._environment = dict(environment)
        self._lines: queue.Queue[Message] = queue.Queue(_LINES_WAITING)
        self._printer = Printer(sys.stdout, width=max(len(name) for name in [*names, _OWN_NAME]))
        self._readable = sys.stdout.isatty()
        self._colours = dict(zip(names, get_colours(), strict=False))

    def start(self, name: str, command: str) -> Child:
        """Start a shell command. It gets no input and ends when we do, however we end."""
        process = subprocess.Popen(  # noqa: S602 - lines of our own Procfile
            command,
            shell=True,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for us alone: we stop them in order.
            # Not SIGTERM: a worker that waits for a broker that ended with us could linger and hold its port.
            preexec_fn=children.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509
        )
        ready = threading.Event()
        arguments = (name, process, ready)
        reader = threading.Thread(target=self._read, args=arguments, name=f"output of {name}", daemon=True)
        child = Child(name, command, process, reader, ready)
        self.children.append(child)
        reader.start()
        return child

    def say(self, sentence: str) -> None:
        """Print a line of the runner's own, in turn with the others."""
        self._print(self._message(_OWN_NAME, sentence))

    def warn(self, sentence: str) -> None:
        """Print a line of the runner's own, in red on a terminal."""
        self.say(f"\033[31m{sentence}\033[0m" if self._readable else sentence)

    def say_plainly(self, line: str) -> None:
        """Print a line without time and name, for programs and people that look for it."""
        with contextlib.suppress(OSError):
            print(line, flush=True)

    def watch(self, until: Callable[[], bool]) -> None:
        """Print output until the condition holds."""
        while not until():
            with contextlib.suppress(queue.Empty):
                self._print(self._lines.get(timeout=_TICK_SECONDS))

    def ended(self) -> list[Child]:
        """Those that are no longer running."""
        return [child for child in self.children if child.process.poll() is not None]

    def finish(self, child: Child) -> int:
        """Forget a process that ended, with its last words printed. Returns its exit code."""
        deadline = time.monotonic() + _LAST_WORDS_SECONDS
        self.watch(lambda: not child.reader.is_alive() or time.monotonic() > deadline)
        self.watch(self._lines.empty)
        self.children.remove(child)
        if child.process.stdout:
            child.process.stdout.close()
        return child.process.wait()

    def stop(self, patience_seconds: float) -> None:
        """Ask all to end, wait, kill those that do not."""
        deadline = time.monotonic() + patience_seconds
        self._signal_all(signal.SIGTERM)
        self.watch(lambda: len(self.ended()) == len(self.children) or time.monotonic() > deadline)
        for child in self.children:
            if child.process.poll() is None:
                self.say(f"{child.name} did not end within {patience_seconds:.0f} s and is killed")
        self.kill()
        for child in self.children.copy():
            self.finish(child)

    def kill(self) -> None:
        """End all processes together, with all members of their groups."""
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, signum: signal.Signals) -> None:
        for child in self.children:
            # The group outlives its leader as long as one member lives; without members there is nothing to signal.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signum)

    def _read(self, name: str, process: subprocess.Popen[bytes], ready: threading.Event) -> None:
        with contextlib.suppress(OSError, ValueError):  # Closed under our hands at the end.
            for line in process.stdout or ():
                if _READY in line:
                    ready.set()
                self._lines.put(self._message(name, plain(line) if self._readable else line))

    def _message(self, name: str, data: bytes | str) -> Message:
        return Message("line", data, datetime.datetime.now(), name, self._colours.get(name))  # noqa: DTZ005

    def _print(self, message: Message) -> None:
        with contextlib.suppress(OSError):  # The terminal was closed: go on, and stop when the signal comes.
            self._printer.write(message)


def read_procfile(file: Path) -> dict[str, str]:
    """Name and command of each line."""
    return dict(parse_procfile(file.read_text()).processes)
