"""A shorter way out of Daphne: its WebSocket protocol, with sends that are tried at once.

Enters: the payload of a text frame. Leaves: the frame, in the kernel's hands where it takes it. Daphne hands each
message to autobahn, which builds the frame for every case there is, and Twisted registers the connection with the
selector, to write in the next turn of the loop, and takes it back after. Nearly always the kernel has room, so the
frame is built here and the write is tried first; what it does not take goes the usual way. The server never pushes
back, so what waits in this process can be asked for.
"""

import random
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from daphne.http_protocol import WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.tcp import Connection

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
        super().makeConnection(transport)

    def onOpen(self) -> None:  # noqa: N802 - autobahn's name
        """As Daphne's. The pings of sockets that opened together are spread, or all would be answered at once."""
        super().onOpen()
        self.last_ping -= random.uniform(0, self.server.ping_interval)  # noqa: S311 - spread

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        """As Daphne's. The result of autobahn's `is_closed` is this protocol: only the collector would free the two."""
        super().connectionLost(reason)
        for name in ("is_open", "is_closed"):
            self.__dict__.pop(name, None)

    def push(self, payload: bytes) -> bool:
        """Send one text frame; False: the socket is closing, nothing is sent any more."""
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
    """Have Daphne make its sockets with this protocol; it makes its factory after the application was imported."""
    WebSocketFactory.protocol = DirectProtocol


def connection(send: Send) -> DirectProtocol | None:
    """The connection behind an application's `send`, whose first argument Daphne binds; None under another server."""
    bound = getattr(send, "args", ())
    return bound[0] if bound and isinstance(bound[0], DirectProtocol) else None


def write(transport: Any, data: bytes) -> None:
    """Write at once what the kernel takes, and leave the rest to the reactor, in order."""
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
    """Bytes that were written and that the kernel has not taken yet."""
    if not isinstance(transport, Connection):
        return 0
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen


def request(send: Send) -> WebRequest | None:
    """The HTTP request behind an application's `send`; None under another server."""
    bound = getattr(send, "args", ())
    return bound[0] if bound and isinstance(bound[0], WebRequest) else None
