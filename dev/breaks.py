"""Breaks parts of the running stack on request, for the demo's page of operators, and starts the load of that page.

Input: requests from the channel (channel.py), in threads of its own. Output: an answer to each, inline: accepted, or
refused with one sentence. The main thread does the work in `step`, because children must be started there. Each break
repairs its damage itself, after some seconds; until the part works again, a further request to break it is refused.
"""

import json
import os
import queue
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psutil

from dev.servers import Server
from dev.supervisor import Child, Supervisor

#: How long Valkey stays stopped, and the edge frozen (seconds): long enough to see, and to need a repair.
VALKEY_STOPPED_SECONDS: Final = 5.0
EDGE_FROZEN_SECONDS: Final = 5.0

#: Longest wait for a killed worker to work again (seconds); then it may be killed once more.
_RETURN_PATIENCE_SECONDS = 60.0

#: Seconds after a break in which the end of another process is taken for its effect.
_AFTERMATH_SECONDS = 10.0

#: The name and the command of the load.
LOAD: Final = "load"
_LOAD_COMMAND = f"exec {shlex.quote(sys.executable)} -m examples.forum.load"

#: How sentences name the parts.
_NAMES: Final = {"worker-live": "The worker", "valkey": "Redis", "edge": "The edge", "postgres": "Postgres"}

#: Characters of an unknown request that the answer repeats.
_QUOTED = 40

#: A condition to wait for before the next step of a break.
_Wait = Callable[[], bool]
_Steps = Generator[_Wait, None, None]


@dataclass
class _Running:
    """A break, or the start of a load, that was accepted."""

    request: str
    part: str
    steps: _Steps
    may_go_on: _Wait


class Breaks:
    """The breaks of one stack; `given` are the variables of your own servers, which are not broken.

    Any thread may call `respond`; the other methods belong to the main thread.
    """

    def __init__(self, supervisor: Supervisor, servers: Sequence[Server], given: Collection[str]) -> None:
        self._supervisor = supervisor
        self._servers = {server.name.lower(): server for server in servers}
        breaks: dict[str, tuple[str, Callable[[], _Steps]]] = {
            "kill worker-live": ("worker-live", self._kill_worker),
            "stop valkey": ("valkey", self._stop_valkey),
            "freeze edge": ("edge", self._freeze_edge),
            "restart postgres": ("postgres", self._restart_postgres),
        }
        # By part, the variable of your own server. Valkey may run beside it, for the channel layer only.
        yours = {"valkey": "CLARION_BROKER_URL", "postgres": "DATABASE_URL"}
        self._absent = {part: name for part, name in yours.items() if name in given}
        self._breaks = {request: (part, steps) for request, (part, steps) in breaks.items() if part not in self._absent}
        self._starts_load = f"start {LOAD}"
        self._lock = threading.Lock()
        self._busy: dict[str, str] = {}  # by part: the accepted request
        self._accepted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._running: list[_Running] = []
        self._opened = False
        self._ended_at = -_AFTERMATH_SECONDS
        self._figures: Any = None

    def open(self) -> None:
        """Accept breaks from now on: every process has answered."""
        self._opened = True

    # Any thread.

    def respond(self, line: str) -> Mapping[str, Any]:
        """Answer one request: `status`, `report` with the figures of the load, a break, or the start of the load."""
        word, _, rest = line.partition(" ")
        if line == "status":
            return self._status()
        if word == "report":
            return self._take(rest)
        if line != self._starts_load and line not in self._breaks:
            known = ", ".join(["status", self._starts_load, *self._breaks])
            return {"error": f"{line[:_QUOTED]!r} is not a request of this stack, which has: {known}."}
        if not self._opened:
            return {"error": "The stack is still starting: try again in a moment."}
        return self._accept(line)

    def _accept(self, request: str) -> Mapping[str, Any]:
        part = LOAD if request == self._starts_load else self._breaks[request][0]
        with self._lock:
            if part in self._busy or (part == LOAD and self._child(LOAD)):
                return {"error": _refusal(part)}
            if part != LOAD and (state := self._state(part)) != "up":
                return {"error": f"{_NAMES[part]} is {state}: try again in a moment."}
            self._busy[part] = request
        self._accepted.put(request)
        return {"ok": True}

    def _take(self, text: str) -> Mapping[str, Any]:
        try:
            figures = json.loads(text)
        except ValueError:
            figures = None
        if not isinstance(figures, dict):
            return {"error": "A report is one object of JSON with the figures of the load."}
        self._figures = figures
        return {"ok": True}

    def _status(self) -> Mapping[str, Any]:
        parts = [
            {"name": name, "state": self._state(name), "busy": name in self._busy}
            for name in _NAMES
            if name not in self._absent
        ]
        return {
            "parts": parts,
            "requests": list(self._breaks),
            "absent": self._absent,
            "load": self._figures,
            "load_runs": LOAD in self._busy or self._child(LOAD) is not None,
        }

    def _state(self, part: str) -> str:
        """Return `up`, `starting`, `frozen` or `down`, as the part itself shows it now."""
        if server := self._servers.get(part):
            return "up" if server.answers() else "down"
        child = self._child(part)
        if child is None:
            return "down"
        try:
            if psutil.Process(child.process.pid).status() == psutil.STATUS_STOPPED:
                return "frozen"
        except psutil.NoSuchProcess:
            return "down"
        return "starting" if part.startswith("worker") and not child.ready.is_set() else "up"

    def _child(self, name: str) -> Child | None:
        for child in self._supervisor.children.copy():
            if child.name == name and child.process.poll() is None:
                return child
        return None

    # The main thread.

    def is_due(self) -> bool:
        """Return whether `step` has something to do."""
        return not self._accepted.empty() or any(one.may_go_on() for one in self._running)

    def step(self) -> None:
        """Begin accepted breaks, and go on with those that have waited long enough."""
        while not self._accepted.empty():
            request = self._accepted.get()
            self._supervisor.say(f"{request}, as the page of operators asked")
            if request == self._starts_load:
                self._figures = None
                self._supervisor.start(LOAD, _LOAD_COMMAND)
                self._forget(LOAD)
                continue
            part, begin = self._breaks[request]
            self._running.append(_Running(request, part, begin(), lambda: True))
        for one in self._running.copy():
            if one.may_go_on():
                self._go_on(one)

    def holds(self, server: Server) -> bool:
        """Return whether this server is down because its break is not over."""
        return server.name.lower() in self._busy

    def explain(self) -> bool:
        """Return whether a break is under way or just over, so that the end of a process does not count."""
        return bool(self._running) or time.monotonic() - self._ended_at < _AFTERMATH_SECONDS

    def close(self) -> None:
        """Repair what is broken as far as stopping needs it: a frozen process cannot end."""
        self._opened = False
        for one in self._running:
            one.steps.close()
        self._running.clear()

    def _go_on(self, one: _Running) -> None:
        try:
            one.may_go_on = next(one.steps)
        except StopIteration:
            self._running.remove(one)
            self._ended_at = time.monotonic()
            self._forget(one.part)

    def _forget(self, part: str) -> None:
        with self._lock:
            self._busy.pop(part, None)

    def _kill_worker(self) -> _Steps:
        killed = self._child("worker-live")
        if killed is None:
            return
        os.killpg(killed.process.pid, signal.SIGKILL)
        given_up = _after(_RETURN_PATIENCE_SECONDS)

        def is_back() -> bool:
            child = self._child("worker-live")
            return given_up() or (child not in (None, killed) and self._state("worker-live") == "up")

        yield is_back

    def _stop_valkey(self) -> _Steps:
        self._servers["valkey"].stop()
        yield _after(VALKEY_STOPPED_SECONDS)
        self._servers["valkey"].start()

    def _freeze_edge(self) -> _Steps:
        child = self._child("edge")
        if child is None:
            return
        os.killpg(child.process.pid, signal.SIGSTOP)
        try:
            yield _after(EDGE_FROZEN_SECONDS)
        finally:
            if child.process.poll() is None:
                os.killpg(child.process.pid, signal.SIGCONT)

    def _restart_postgres(self) -> _Steps:
        self._servers["postgres"].restart()
        yield self._servers["postgres"].answers


def _after(seconds: float) -> _Wait:
    due = time.monotonic() + seconds
    return lambda: time.monotonic() >= due


def _refusal(part: str) -> str:
    if part == LOAD:
        return "A load is running: it stops by itself."
    return f"{_NAMES[part]} is being broken already: wait until it works again."
