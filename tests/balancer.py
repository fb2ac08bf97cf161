"""A real haproxy before some edges, as a load balancer stands before them in production."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import httpx

from dev.ports import free_port
from tests.environment import FOLDER
from tests.processes import Process

CONFIGURATION = """
global
    maxconn 8000
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout tunnel 1h
    retries 3
    option redispatch 1
frontend sockets
    bind 127.0.0.1:{port}
    default_backend edges
backend edges
    balance leastconn
    option httpchk GET /readyz
    default-server check inter 200ms fall 1 rise 1
{servers}
"""


class Balancer(Process):
    """haproxy; `edges` are the ports to which it sends, by name."""

    def __init__(self, program: Path, edges: Mapping[str, int], name: str = "haproxy") -> None:
        self.port = free_port()
        servers = "\n".join(f"    server {edge} 127.0.0.1:{port}" for edge, port in edges.items())
        file = FOLDER / f"{name}.cfg"
        file.write_text(CONFIGURATION.format(port=self.port, servers=servers))
        super().__init__(name, str(program), "-db", "-f", str(file))
        self.url = f"ws://127.0.0.1:{self.port}/ws/notification-updates/"

    def is_up(self) -> bool:
        assert self.popen is not None
        assert self.popen.poll() is None, self.said()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        return False
