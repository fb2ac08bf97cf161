"""Ports that concurrent processes choose."""

import subprocess
import sys

from dev.ports import PORTS, free_port, free_ports

CHOICES = 300
SCRIPT = f"""
from dev.ports import free_port
print(*(free_port() for _ in range({CHOICES})), flush=True)
input()
"""


def test_concurrent_processes() -> None:
    """Two processes that are alive never choose the same port."""
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}
        ours = {free_port() for _ in range(CHOICES)}
        other.communicate(b"\n")
    assert len(theirs) == len(ours) == CHOICES
    assert not theirs & ours


def test_consecutive_ports() -> None:
    """Consecutive ports are reserved together."""
    first = free_ports(5)
    assert first in PORTS
    assert not {free_port() for _ in range(CHOICES)} & {*range(first, first + 5)}
