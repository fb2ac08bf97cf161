"""Daphne's WebSocket protocol with direct writes, and limits on incoming frames.

Outgoing: Daphne passes each message to autobahn, which builds the frame for all cases. Twisted then registers the
connection with the selector, writes in the next iteration of the loop, and unregisters it. The kernel nearly always
has room, so here the frame is built directly and written immediately; the rest is sent as usual. There is no back
pressure, so the number of bytes that wait in this process is available (`waiting`).

Incoming: each frame counts against the message rate, because pings, pongs and fragments cost as much as a message. If
a client exceeds the rate or the size of a message, no more is read from it, and the application receives a message
with the reason and closes.
"""

import random
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

from daphne.http_protocol import WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.tcp import Connection

from ...shared.settings import get_settings
from ..limits import TokenBucket
from ..outgoing import LINGER_SECONDS

#: Messages to the application besides those of ASGI: the client sends too many frames, or a message that is too large.
TOO_MANY_FRAMES = "clarion.too_many_frames"
TOO_LARGE = "clarion.too_large"

#: With more than this waiting for the client's network, a ping is not answered (bytes).
PONG_MAX_WAITING = 65_536

Send = Callable[[dict[str, Any]], Awaitable[None]]

#: First byte of a whole text message (RFC 6455, 5.2), and the sizes up to which its length takes none, two or eight
#: further bytes.
_TEXT = 0x81
_SHORT = 125
_MEDIUM = 0xFFFF
_SHORT_HEAD = struct.Struct("!BB").pack
_MEDIUM_HEAD = struct.Struct("!BBH").pack
_LONG_HEAD = struct.Struct("!BBQ").pack


class DirectProtocol(WebSocketProtocol):  # type: ignore[misc]  # untyped
    """One WebSocket of Daphne's."""

    #: When the client last sent a ping or a pong (monotonic seconds; 0: never).
    alive_at = 0.0
    _rate: TokenBucket | None = None

    def makeConnection(self, transport: Any) -> None:  # noqa: N802 - Twisted's name
        """As Twisted's. autobahn copies its options from the factory to each connection, and lists them for a log.

        There is one factory in a process, so the first connection copies them to the class, and no other has to.
        """
        cls = type(self)
        if cls.CONFIG_ATTRS:
            for name in cls.CONFIG_ATTRS:
                option = getattr(self.factory, name)
                setattr(cls, name, staticmethod(option) if callable(option) else option)
            cls.CONFIG_ATTRS = []
            # A message of more fragments than this is held in memory until its end, which may never come.
            cls.maxMessagePayloadSize = cls.maxFramePayloadSize = get_settings().message_bytes
            # With autobahn's one second, a busy edge or a slow network resets the connection before the close frame,
            # and the client does not see the close code.
            cls.closeHandshakeTimeout = LINGER_SECONDS
        super().makeConnection(transport)

    def onOpen(self) -> None:  # noqa: N802 - autobahn's name
        """As Daphne's. The pings of sockets that opened together are spread, or all would be answered at once."""
        super().onOpen()
        self.last_ping -= random.uniform(0, self.server.ping_interval)  # noqa: S311 - spread

    def onFrameBegin(self) -> None:  # noqa: N802 - autobahn's name
        """As autobahn's, for each frame of any kind."""
        now = time.monotonic()
        if self._rate is None:
            self._rate = TokenBucket(get_settings().messages_per_minute, now)
        if not self._rate.allows(now):
            self._stop_reading(TOO_MANY_FRAMES)
        super().onFrameBegin()

    def onPing(self, payload: bytes) -> None:  # noqa: N802 - autobahn's name
        """As autobahn's, unless the client does not read the answers."""
        self.alive_at = time.monotonic()
        if waiting(self.transport) < PONG_MAX_WAITING:
            super().onPing(payload)

    def onPong(self, payload: bytes) -> None:  # noqa: N802 - autobahn's name
        """Record it as a sign of life."""
        self.alive_at = time.monotonic()

    def _max_message_size_exceeded(self, *_: Any) -> None:
        self._stop_reading(TOO_LARGE)

    def _stop_reading(self, why: str) -> None:
        """Drop the received bytes, stop reading, and have the application close the connection."""
        self.data = b""
        self.transport.pauseProducing()
        self.application_queue.put_nowait({"type": why})

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        """As Daphne's. The result of autobahn's `is_closed` is this protocol: only the collector would free the two."""
        super().connectionLost(reason)
        for name in ("is_open", "is_closed"):
            self.__dict__.pop(name, None)

    def push(self, payload: bytes) -> bool:
        """Send one text frame; return False if the socket is closing."""
        if self.state != self.STATE_OPEN:
            return False
        size = len(payload)
        if size <= _SHORT:
            head = _SHORT_HEAD(_TEXT, size)
        elif size <= _MEDIUM:
            head = _MEDIUM_HEAD(_TEXT, 126, size)
        else:
            head = _LONG_HEAD(_TEXT, 127, size)
        write(self.transport, head + payload)
        return True


def install() -> None:
    """Make Daphne use this protocol for its sockets; it makes its factory after the application was imported."""
    WebSocketFactory.protocol = DirectProtocol


def connection(send: Send) -> DirectProtocol | None:
    """Return the connection of an application's `send`, whose first argument Daphne binds; None on another server."""
    bound = getattr(send, "args", ())
    return bound[0] if bound and isinstance(bound[0], DirectProtocol) else None


def write(transport: Any, data: bytes) -> None:
    """Write immediately as much as the kernel accepts, and leave the rest to the reactor, in order."""
    if isinstance(transport, Connection) and transport.connected and not waiting(transport):
        try:
            sent = transport.socket.send(data)
        except OSError:
            sent = 0  # no room; or the connection is lost, which the reactor finds out with the next write
        if sent == len(data):
            return
        data = data[sent:]
    transport.write(data)


def waiting(transport: Any) -> int:
    """Return the written bytes that the kernel has not accepted yet."""
    if not isinstance(transport, Connection):
        return 0
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen


def request(send: Send) -> WebRequest | None:
    """Return the HTTP request of an application's `send`; None on another server."""
    bound = getattr(send, "args", ())
    return bound[0] if bound and isinstance(bound[0], WebRequest) else None
