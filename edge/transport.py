"""Sends frames to one client: by a WebSocket, or as a stream of Server-Sent Events.

Input: frames with their positions in the inbox, and a close code. Output: bytes. Sending never waits: bytes that the
client's network has not accepted are counted in `waiting`, and the caller checks that, because there is no back
pressure.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from autobahn.exception import Disconnected

from ..shared import protocol
from ..shared.protocol import Close
from .daphne import websocket_protocol

#: How long the end of an event stream may take to reach its client before the connection is cut (seconds).
LINGER_SECONDS = 5.0

Send = Callable[[dict[str, Any]], Awaitable[None]]

#: Epoch and seq: how far a client is once it has a frame.
Cursor = tuple[str, int]


class Transport(Protocol):
    """What a socket sends through."""

    #: Whether the client can say anything: acknowledge, send a heartbeat, a new token.
    bidirectional: bool

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


class WebSocketTransport:
    """A WebSocket: written directly to Daphne's connection, or by ASGI messages on another server."""

    bidirectional = True
    __slots__ = ("_connection", "_send")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._connection = websocket_protocol.connection(send)

    @property
    def waiting(self) -> int:
        """Bytes sent and still in this process."""
        return 0 if self._connection is None else websocket_protocol.waiting(self._connection.transport)

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


class EventStreamTransport:
    """Server-Sent Events: the same frames; the id of an event is the cursor."""

    bidirectional = False
    alive_at = 0.0
    __slots__ = ("_beginning", "_request", "_send")

    def __init__(self, send: Send, beginning: str = "") -> None:
        self._send = send
        self._beginning = beginning  # of the first event, since a block without data is an empty event to some clients
        self._request = websocket_protocol.request(send)

    @property
    def waiting(self) -> int:
        """Bytes sent and still in this process."""
        return 0 if self._request is None else websocket_protocol.waiting(self._request.transport)

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
    if websocket_protocol.waiting(way):
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
