"""A private way for the stack's processes to ask something of its runner: a Unix socket that only its owner may use.

Input: one line of text for each connection. Output: one line of JSON, the answer. The path of the socket is in the
environment of the stack's processes (CHANNEL); without that variable no runner listens.
"""

import contextlib
import json
import os
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

#: The variable with the path of the socket.
CHANNEL = "CLARION_BREAK_SOCKET"

Answer = Mapping[str, Any]

#: Longest request (bytes): the figures of a load are a tenth of it.
_LINE_MAX = 4096

#: Longest wait for a request of a connection (seconds).
_PATIENCE_SECONDS = 2

#: Longest path of a Unix socket (bytes): macOS allows 103, Linux 107.
_PATH_MAX = 103

#: For the socket: its owner alone may connect.
_OWNER_ONLY = 0o177


class NoChannel(RuntimeError):
    """The socket cannot be made here."""


class _Handler(socketserver.StreamRequestHandler):
    timeout = _PATIENCE_SECONDS
    server: "_Listener"

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # The other side has gone, or has sent nothing.
            line = self.rfile.readline(_LINE_MAX + 1)
            self.wfile.write(json.dumps(self._answer(line)).encode() + b"\n")

    def _answer(self, line: bytes) -> Answer:
        if len(line) > _LINE_MAX:
            return {"error": f"A request is one line of at most {_LINE_MAX} bytes."}
        try:
            return self.server.respond(line.decode().strip())
        except UnicodeDecodeError:
            return {"error": "A request is one line of text in UTF-8."}


class _Listener(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, respond: Callable[[str], Answer]) -> None:
        self.respond = respond
        super().__init__(str(path), _Handler)


@contextlib.contextmanager
def listening(path: Path, respond: Callable[[str], Answer]) -> Iterator[None]:
    """Answer requests with `respond`, which runs in threads of its own. Raises NoChannel."""
    if len(os.fsencode(path)) > _PATH_MAX:
        raise NoChannel(f"{path} is too long for a Unix socket, which may have {_PATH_MAX} bytes")
    path.unlink(missing_ok=True)  # That of a run which was killed; the lock on the folder says that it is gone.
    former = os.umask(_OWNER_ONLY)
    try:
        listener = _Listener(path, respond)
    except OSError as error:
        raise NoChannel(f"{path} cannot be a Unix socket ({error.strerror})") from error
    finally:
        os.umask(former)
    threading.Thread(target=listener.serve_forever, name="channel", daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown()
        listener.server_close()
        path.unlink(missing_ok=True)
