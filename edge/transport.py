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
from twisted.internet.abstract import FileDescriptor

Send = Callable[[dict[str, Any]], Awaitable[None]]

#: First byte of a whole text message (RFC 6455, 5.2), and the sizes up to which its length takes none, two or eight
#: further bytes.
_TEXT = 0x81
_SHORT = 125
_MEDIUM = 0xFFFF


class DirectProtocol(WebSocketProtocol):  # type: ignore[misc]  # untyped
    """One WebSocket of Daphne's."""

    def onOpen(self) -> None:  # noqa: N802 - autobahn's name
        """As Daphne's. The pings of sockets that opened together are spread, or all would be answered at once."""
        super().onOpen()
        self.last_ping -= random.uniform(0, self.server.ping_interval)  # noqa: S311 - spread

    def push(self, payload: bytes) -> bool:
        """Send one text frame; False: the socket is closing, nothing is sent any more."""
        if self.state != self.STATE_OPEN:
            return False
        size = len(payload)
        if size <= _SHORT:
            frame = struct.pack("!BB", _TEXT, size) + payload
        elif size <= _MEDIUM:
            frame = struct.pack("!BBH", _TEXT, 126, size) + payload
        else:
            frame = struct.pack("!BBQ", _TEXT, 127, size) + payload
        write(self.transport, frame)
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
    if isinstance(transport, FileDescriptor) and transport.connected and not waiting(transport):
        sent = transport.writeSomeData(data)
        # An exception says that the connection is lost. The reactor finds that out with the next write, and says so.
        if isinstance(sent, int) and sent >= 0:
            if sent == len(data):
                return
            data = data[sent:]
    transport.write(data)


def waiting(transport: Any) -> int:
    """Bytes that were written and that the kernel has not taken yet."""
    if not isinstance(transport, FileDescriptor):
        return 0
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen


def request(send: Send) -> WebRequest | None:
    """The HTTP request behind an application's `send`; None under another server."""
    bound = getattr(send, "args", ())
    return bound[0] if bound and isinstance(bound[0], WebRequest) else None
