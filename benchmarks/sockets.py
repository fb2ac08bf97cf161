"""Many WebSockets that cost little themselves, so that the server is measured.

Input: an address, and a handshake for each socket. Output: the time until all were open, and the time until all of
them had received a number of bytes. Plain non-blocking sockets and epoll; frames are counted by their bytes, since the
sender knows how long they are.
"""

import selectors
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

#: Handshakes under way at the same time. A server that is asked by more lets them wait in the kernel.
CONCURRENCY = 100
#: Longest wait for the expected bytes (seconds).
PATIENCE_SECONDS = 60
#: Bytes of one read.
READ_BYTES = 1 << 18


class CrowdFailed(RuntimeError):
    """A socket was refused, or the expected bytes did not come in time."""


@dataclass(slots=True)
class _Opening:
    handshake: bytes
    said: bytes = b""


class Crowd:
    """Many open sockets, read by one thread."""

    def __init__(self, port: int, *, first_frame: bool) -> None:
        self._address = ("127.0.0.1", port)
        self._first_frame = first_frame  # a socket counts as open when it has received a frame
        self._selector = selectors.EpollSelector()
        self._open: list[socket.socket] = []
        self.bytes = 0
        self._received: set[int] = set()  # file descriptors

    def connect(self, handshakes: Sequence[bytes], concurrency: int = CONCURRENCY, port: int | None = None) -> float:
        """Open a socket for each handshake, to the crowd's port or another; the seconds until all were open."""
        address = self._address if port is None else (self._address[0], port)
        begun = time.perf_counter()
        left = iter(handshakes)
        opening = 0
        wanted = len(self._open) + len(handshakes)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self._open) < wanted:
            while opening < concurrency and (handshake := next(left, None)) is not None:
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(address)
                self._selector.register(one, selectors.EVENT_WRITE, _Opening(handshake))
                opening += 1
            for key, _ in self._selector.select(1):
                opening -= self._advance(key)
            if time.monotonic() > deadline:
                raise CrowdFailed(f"{len(self._open)} of {wanted} sockets were open after {PATIENCE_SECONDS} s")
        return time.perf_counter() - begun

    def _advance(self, key: selectors.SelectorKey) -> bool:
        """Advance a socket that is opening; return whether it is open now."""
        one: socket.socket = key.fileobj  # type: ignore[assignment]
        state: _Opening | None = key.data
        if state is None:
            self.bytes += len(one.recv(READ_BYTES))
            return False
        if state.handshake:
            one.send(state.handshake)
            state.handshake = b""
            self._selector.modify(one, selectors.EVENT_READ, state)
            return False
        said = one.recv(65536)
        if not said:
            raise CrowdFailed(f"the server closed: {state.said[:200]!r}")
        state.said += said
        head, ended, rest = state.said.partition(b"\r\n\r\n")
        if not ended:
            return False
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            raise CrowdFailed(f"the server refused: {state.said[:400]!r}")
        if self._first_frame and not _has_frame(rest):
            return False
        self._selector.modify(one, selectors.EVENT_READ, None)
        self._open.append(one)
        return True

    def read(self, wait: float = 0.0) -> None:
        """Read the available bytes, after waiting at most that long (seconds)."""
        for key, _ in self._selector.select(wait):
            try:
                said = key.fileobj.recv(READ_BYTES)  # type: ignore[union-attr]
            except BlockingIOError:
                continue
            if not said:
                raise CrowdFailed("the server closed a socket")
            self.bytes += len(said)
            self._received.add(key.fd)

    def read_until(self, total: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Read until so many bytes have come in all."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.bytes < total:
            meanwhile()
            self.read(0.05)
            if time.monotonic() > deadline:
                raise CrowdFailed(f"{self.bytes} of {total} bytes had come after {PATIENCE_SECONDS} s")

    def forget(self) -> None:
        """Read the available bytes, and reset the counts."""
        self.read()
        self._received.clear()

    def read_until_all(self) -> None:
        """Read until every socket has received bytes since `forget`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self._received) < len(self._open):
            self.read(0.05)
            if time.monotonic() > deadline:
                raise CrowdFailed(f"{len(self._received)} of {len(self._open)} sockets have received bytes")

    def close(self) -> None:
        """Close all without a closing handshake."""
        for one in self._open:
            self._selector.unregister(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            one.close()
        self._open.clear()
        self._selector.close()


def handshake(path: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """Return the bytes of a WebSocket handshake."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame_size(payload: int) -> int:
    """Bytes of a server's frame on the wire."""
    return payload + (2 if payload < 126 else 4 if payload < 65536 else 10)


def _has_frame(data: bytes) -> bool:
    if len(data) < 4:
        return False
    size = data[1] if data[1] < 126 else int.from_bytes(data[2:4], "big")
    return len(data) >= frame_size(size)
