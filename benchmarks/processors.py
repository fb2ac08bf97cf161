"""Processor time of the parts of a system, between two moments.

Input: the processes of each part. Output: seconds of processor time for each part. Postgres and Valkey of the testbed
are always among them; Postgres with all its processes, also those that begin or end in between.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks import testbed


class Processors:
    """The parts of one measurement."""

    def __init__(self, **parts: Sequence[psutil.Process]) -> None:
        postgres, valkey = testbed.servers()
        self._parts = {**parts, "postgres": [psutil.Process(postgres)], "redis": [psutil.Process(valkey)]}
        self._begun: dict[str, float] = {}

    def start(self) -> None:
        """Begin."""
        self._begun = self._now()

    def stop(self) -> dict[str, float]:
        """Seconds since `start`, by part."""
        return {part: seconds - self._begun[part] for part, seconds in self._now().items()}

    def _now(self) -> dict[str, float]:
        return {part: sum(_spent(process) for process in processes) for part, processes in self._parts.items()}


def _spent(process: psutil.Process) -> float:
    """Of a process and its children, the ended ones included."""
    times = process.cpu_times()
    own = times.user + times.system + times.children_user + times.children_system
    return float(own) + sum(sum(child.cpu_times()[:2]) for child in process.children())


def waited_for_a_core(process: psutil.Process) -> float:
    """Seconds that the threads of a process were ready and not running. Linux says so, others nothing: 0."""
    waited = 0
    for file in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
        with suppress(FileNotFoundError):  # a thread that has ended
            waited += int(file.read_text().split()[1])
    return waited / 1e9
