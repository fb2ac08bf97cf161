"""The way out to one client: a WebSocket, or a stream of Server-Sent Events.

Enters: frames, and where each leaves its inbox; a close code. Leaves: bytes. Sending never waits; what the client's
network has not taken is `waiting`, and whoever sends looks at it, since nothing pushes back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from autobahn.exception import Disconnected

from ..shared import protocol
from ..shared.protocol import Close
from . import transport

#: How long the end of an event stream may take to reach its client before the connection is cut (seconds).
LINGER_SECONDS = 5.0

Send = Callable[[dict[str, Any]], Awaitable[None]]

#: Epoch and seq: how far a client is once it has a frame.
Cursor = tuple[str, int]


class Wire(Protocol):
    """What a socket sends through."""

    #: Whether the client can say anything: acknowledge, send a heartbeat, a new token.
    talks: bool

    @property
    def waiting(self) -> int:
        """Bytes sent and still in this process."""

    @property
    def alive_at(self) -> float:
        """When the client last gave a sign of life below the messages (monotonic seconds; 0: never)."""

    def send(self, text: str, cursor: Cursor | None = None) -> bool:
        """Send one frame; False: the client is gone."""

    def close(self, code: Close) -> None:
        """Say goodbye with this code."""


class WebSocketWire:
    """A WebSocket, by Daphne's connection where there is one, else by whatever ASGI server there is."""

    talks = True
    __slots__ = ("_connection", "_send")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._connection = transport.connection(send)

    @property
    def waiting(self) -> int:
        """Bytes sent and still in this process."""
        return 0 if self._connection is None else transport.waiting(self._connection.transport)

    @property
    def alive_at(self) -> float:
        """When the client last sent a ping or a pong."""
        return 0.0 if self._connection is None else self._connection.alive_at

    def send(self, text: str, cursor: Cursor | None = None) -> bool:
        """Send one frame; False: the client is gone."""
        if self._connection is not None:
            return self._connection.push(text.encode())
        return _run(self._send({"type": "websocket.send", "text": text}))

    def close(self, code: Close) -> None:
        """Say goodbye with this code."""
        _run(self._send({"type": "websocket.close", "code": int(code)}))


class EventStreamWire:
    """Server-Sent Events: the same frames; the id of an event is the cursor."""

    talks = False
    alive_at = 0.0
    __slots__ = ("_beginning", "_request", "_send")

    def __init__(self, send: Send, beginning: str = "") -> None:
        self._send = send
        self._beginning = beginning  # of the first event, since a block without data is an empty event to some clients
        self._request = transport.request(send)

    @property
    def waiting(self) -> int:
        """Bytes sent and still in this process."""
        return 0 if self._request is None else transport.waiting(self._request.transport)

    def send(self, text: str, cursor: Cursor | None = None) -> bool:
        """Send one frame; False: the client is gone."""
        beginning, self._beginning = self._beginning, ""
        if cursor is not None:
            beginning += f"id: {cursor[0]}:{cursor[1]}\n"
        return self._write(f"{beginning}data: {text}\n\n")

    def keep_alive(self) -> None:
        """Send a comment: proxies see that the stream lives, and the network that the client does not."""
        self._write(":\n")

    def close(self, code: Close) -> None:
        """Say goodbye with this code, and end the stream; a client that does not take even that is cut off."""
        self.send(protocol.closed(code))
        way = None if self._request is None else self._request.transport
        _run(self._send({"type": "http.response.body", "body": b"", "more_body": False}))
        if way is not None:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, _cut_off, way)

    def _write(self, text: str) -> bool:
        return _run(self._send({"type": "http.response.body", "body": text.encode(), "more_body": True}))


def _cut_off(way: Any) -> None:
    """End a connection that still has something to write; the reactor would wait for ever."""
    if transport.waiting(way):
        way.abortConnection()


def _run(sending: Awaitable[None]) -> bool:
    """Run a send to its end, without a task; False: the client has just gone, and the server will say so itself."""
    steps = sending.__await__()
    try:
        next(steps)
    except StopIteration:
        return True
    except Disconnected:
        return False
    raise RuntimeError("send() waited: the edge is made for Daphne, whose send never does")
