"""Free ports of this machine, each reserved for the process that asked for it.

A server binds its port some time after it was chosen, so a port that is merely free may be taken twice when several
test runs choose concurrently. Each choice therefore locks a file of its own, which the kernel unlocks when the process
ends. The ports lie below the range from which the kernel takes those of outgoing connections.
"""

import fcntl
import os
import random
import socket
import tempfile
from contextlib import closing
from pathlib import Path

PORTS = range(10_000, 32_000)

_FOLDER = Path(tempfile.gettempdir()) / f"clarion-ports-{os.getuid()}"
_reserved: list[int] = []  # file descriptors


def free_port() -> int:
    """Return a port without a listener, reserved for this process."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """Return the first of so many consecutive free ports, all reserved for this process."""
    _FOLDER.mkdir(mode=0o700, exist_ok=True)
    while True:
        first = random.randrange(PORTS.start, PORTS.stop - count)  # noqa: S311 - no secret
        locks = [_lock(port) for port in range(first, first + count)]
        taken = [lock for lock in locks if lock is not None]
        if len(taken) == count:
            _reserved.extend(taken)
            return first
        for lock in taken:
            os.close(lock)


def _lock(port: int) -> int | None:
    """Return the descriptor of the locked file; None if another process has the port, or something listens there."""
    lock = os.open(_FOLDER / str(port), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        os.close(lock)
        return None
    return lock
