"""A broker behind TLS: its certificate is verified."""

import contextlib
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import environment
from tests.certificates import self_signed
from tests.processes import ROOT

CONNECT = """
from clarion.pipeline.celery.app import app
with app.connection_for_write() as connection:
    connection.ensure_connection(max_retries=1, interval_start=0)
    connection.default_channel.client.ping()
    print("connected")
"""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    return self_signed(tmp_path)


class Proxy(socketserver.ThreadingTCPServer):
    """Speaks TLS to its clients, and passes everything on to Valkey."""

    daemon_threads = True

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), PassOn)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        client, address = super().get_request()
        return self.context.wrap_socket(client, server_side=True), address


class PassOn(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", environment.VALKEY.port)) as valkey:
            back = threading.Thread(target=copy, args=(valkey, self.request), daemon=True)
            back.start()
            copy(self.request, valkey)
            valkey.shutdown(socket.SHUT_RDWR)
            back.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


@pytest.fixture
def tls_port(valkey: str, certificate: Path) -> Iterator[int]:
    """The port of a proxy in front of Valkey."""
    with Proxy(certificate) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        yield proxy.server_address[1]
        proxy.shutdown()
        thread.join()


def connect(url: str) -> "subprocess.CompletedProcess[str]":
    """Connect to the broker as a worker does, in a process of its own."""
    env = os.environ | {"CLARION_BROKER_URL": url}
    return subprocess.run(
        [sys.executable, "-c", CONNECT], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_trusted_certificate(tls_port: int, certificate: Path) -> None:
    """A broker whose certificate is trusted is used."""
    connected = connect(f"rediss://127.0.0.1:{tls_port}/0?ssl_ca_certs={certificate}")
    assert "connected" in connected.stdout, connected.stderr


def test_unknown_certificate(tls_port: int) -> None:
    """A broker whose certificate is not trusted is rejected."""
    connected = connect(f"rediss://127.0.0.1:{tls_port}/0")
    assert "connected" not in connected.stdout
    assert "CERTIFICATE_VERIFY_FAILED" in connected.stderr
