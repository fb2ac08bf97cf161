"""Ends child processes together with this one, and those that an earlier crash left running.

Input: processes that this one started, or the marks that identify them. It must run in the main thread, because on
Linux a child's death signal is tied to the thread that started it.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")

#: linux/prctl.h
_PR_SET_PDEATHSIG = 1

#: Seconds that a process gets to go after SIGKILL; the kernel needs milliseconds unless the disk hangs.
_KILL_PATIENCE_SECONDS = 10


def dies_with_parent(signum: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` after which the kernel sends the child `signum` when we end in any way.

    None on systems without this: there the next start finds and stops left-over processes. It has to run
    after a change of user, which clears the request; `subprocess` keeps to that order.
    """
    if not sys.platform.startswith("linux"):
        return None
    # Looked up here, before the fork: between fork and exec only plain calls are safe.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # We ended before the request was made.
            os.kill(os.getpid(), signal.SIGKILL)

    return ask


def stop(process: subprocess.Popen[bytes], signum: signal.Signals, patience_seconds: float) -> int:
    """Ask the process to end, kill it and its children when it does not. Returns its exit code."""
    if process.poll() is None:
        send_to_family(process.pid, signal.SIGCONT)  # A frozen process cannot hear the request.
        process.send_signal(signum)
        try:
            process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            send_to_family(process.pid, signal.SIGKILL)
    return process.wait(_KILL_PATIENCE_SECONDS)


def send_to_family(pid: int, signum: signal.Signals) -> None:
    """Send a signal to a process and all its descendants, also those in sessions of their own."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signum)


def working_in(folders: Iterable[Path], names: Iterable[str]) -> list[psutil.Process]:
    """Find processes of one of these names that work in one of these folders: a server's is its data folder."""
    wanted, places = set(names), {str(folder) for folder in folders}
    return [process for process in _others() if _ask(process.name) in wanted and _ask(process.cwd) in places]


def carrying(variable: str, value: str) -> list[psutil.Process]:
    """Find processes that were started with this environment variable set to this value."""
    return [process for process in _others() if (_ask(process.environ) or {}).get(variable) == value]


def end(processes: list[psutil.Process], signum: signal.Signals, patience_seconds: float) -> None:
    """End processes that are not children of ours: ask those at the top, wait for all, then kill."""
    known = {process.pid for process in processes}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)
            if _ask(process.ppid) not in known:
                process.send_signal(signum)
    _, alive = psutil.wait_procs(processes, patience_seconds)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, _KILL_PATIENCE_SECONDS)


def _others() -> list[psutil.Process]:
    """Everyone but ourselves and our ancestors, who may well carry our marks."""
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in ours]


def _ask(question: Callable[[], T]) -> T | None:
    """Return the answer, or None for a process that is gone or that we may not inspect."""
    try:
        return question()
    except (psutil.Error, OSError):
        return None
