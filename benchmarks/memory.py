"""The memory of the workers while a burst runs.

Input: the running stack's broker, by which its workers report their process ids. Output: the largest peak of their
resident sets (MiB), sampled several times a second.
"""

import psutil

from clarion.pipeline.celery.app import app

#: Longest wait for the workers to say who they are (seconds).
ASK_SECONDS = 3.0

MIB = 2**20


class WorkerMemory:
    """The workers of the stack, if they run on this machine."""

    def __init__(self) -> None:
        told = app.control.inspect(timeout=ASK_SECONDS).stats() or {}
        pids = [stats["pid"] for stats in told.values()]
        self._workers = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
        self._peak = 0

    def look(self) -> None:
        """Look once. A worker that has ended meanwhile holds nothing."""
        for worker in self._workers:
            try:
                self._peak = max(self._peak, worker.memory_info().rss)
            except psutil.Error:
                continue

    @property
    def peak_mib(self) -> float:
        """The most that one worker held at any look."""
        return round(self._peak / MIB, 1)
