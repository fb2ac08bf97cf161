"""Sends frames to one client: by a WebSocket, or as a stream of Server-Sent Events.

Input: frames with their positions in the inbox, and a close code. Output: bytes. Sending never waits: bytes that the
client's network has not accepted are counted in `waiting`, and the caller checks that, because there is no back
pressure.
"""

import asyncio
from typing import Any, Protocol

from ..shared import protocol
from ..shared.protocol import Close
from .daphne import websocket_protocol
from .outgoing import LINGER_SECONDS, Outgoing, Send

#: Epoch and seq: the position of a client after a frame.
Cursor = tuple[str, int]


class Transport(Protocol):
    """Sends the frames of a connection to its client."""

    #: Whether the client can send messages: acknowledgements, heartbeats, a new token.
    bidirectional: bool

    @property
    def waiting(self) -> int:
        """Unsent bytes in this process."""

    @property
    def alive_at(self) -> float:
        """Time of the last ping or pong of the client (monotonic seconds; 0: never)."""

    def send(self, text: str, cursor: Cursor | None = None) -> bool:
        """Send one frame; False if the client has disconnected."""

    def close(self, code: Close) -> None:
        """Close with this code."""


class WebSocketTransport:
    """A WebSocket: written directly to Daphne's connection, or by ASGI messages on another server."""

    bidirectional = True
    __slots__ = ("_connection", "_outgoing")

    def __init__(self, send: Send) -> None:
        self._outgoing = Outgoing(send)
        self._connection = websocket_protocol.connection(send)

    @property
    def waiting(self) -> int:
        """Unsent bytes in this process."""
        if self._connection is None:
            return self._outgoing.waiting
        return websocket_protocol.waiting(self._connection.transport)

    @property
    def alive_at(self) -> float:
        """Time of the last ping or pong of the client (monotonic seconds)."""
        return 0.0 if self._connection is None else self._connection.alive_at

    def send(self, text: str, cursor: Cursor | None = None) -> bool:
        """Send one frame; False if the client has disconnected."""
        if self._connection is not None:
            return self._connection.push(text.encode())
        return self._outgoing.put({"type": "websocket.send", "text": text}, len(text))

    def close(self, code: Close) -> None:
        """Close with this code."""
        self._outgoing.put({"type": "websocket.close", "code": int(code)})

    async def flush(self) -> None:
        """Return when the server has accepted everything, or after some seconds."""
        await self._outgoing.flush()


class EventStreamTransport:
    """Server-Sent Events: the same frames; the id of an event is the cursor."""

    bidirectional = False
    alive_at = 0.0
    __slots__ = ("_beginning", "_outgoing", "_request")

    def __init__(self, send: Send, beginning: str = "") -> None:
        self._outgoing = Outgoing(send)
        self._beginning = (
            beginning  # sent with the first event: some clients take a block without data as an empty event
        )
        self._request = websocket_protocol.request(send)

    @property
    def waiting(self) -> int:
        """Unsent bytes in this process."""
        if self._request is None:
            return self._outgoing.waiting
        return websocket_protocol.waiting(self._request.transport)

    def send(self, text: str, cursor: Cursor | None = None) -> bool:
        """Send one frame; False if the client has disconnected."""
        beginning, self._beginning = self._beginning, ""
        if cursor is not None:
            beginning += f"id: {cursor[0]}:{cursor[1]}\n"
        return self._write(f"{beginning}data: {text}\n\n")

    def keep_alive(self) -> None:
        """Send a comment, so that proxies keep the stream open and a vanished client is noticed."""
        self._write(":\n")

    def close(self, code: Close) -> None:
        """Close with this code, and end the stream; abort the connection if the client does not read even that."""
        self.send(protocol.closed(code))
        way = None if self._request is None else self._request.transport
        self._outgoing.put({"type": "http.response.body", "body": b"", "more_body": False})
        if way is not None:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, _cut_off, way)

    async def flush(self) -> None:
        """Return when the server has accepted everything, or after some seconds."""
        await self._outgoing.flush()

    def _write(self, text: str) -> bool:
        body = text.encode()
        return self._outgoing.put({"type": "http.response.body", "body": body, "more_body": True}, len(body))


def _cut_off(way: Any) -> None:
    """Abort a connection with unsent bytes, because the reactor would wait for ever."""
    if websocket_protocol.waiting(way):
        way.abortConnection()
