"""Deadlines and limits of HTTP requests, before Daphne handles them.

Input: connections as they are accepted. Guarantees: a connection that does not send a whole request in time is closed,
the first time and after each answer, because a header line every few seconds would hold it for hours (Twisted's own
time-out counts from the last byte; the size of the headers it bounds itself). A request with a body is refused as soon
as its headers have come, because the edge reads none and Twisted would write it to a temporary file. A subprotocol
that is not ASCII is refused before Daphne fails over it with a traceback.
"""

import time
from typing import Any

from daphne import server
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import reactor

from ...shared import metrics
from ...shared.settings import get_settings

#: Interval at which connections past their deadline are closed (seconds).
LOOK_EVERY_SECONDS = 0.5


#: The answer to a request with a body.
NO_BODIES = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class TimeoutRequest(WebRequest):  # type: ignore[misc]  # untyped
    """A request of Daphne's, whose arrival ends the wait for it, and whose end begins the wait for the next."""

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """Refuse a body, of a known length or not, when the headers have come."""
        super().gotLength(0)
        if length != 0:
            metrics.REFUSED.labels("body").inc()
            self.channel.factory.awaited.pop(self.channel, None)
            self.channel.transport.write(NO_BODIES)
            self.channel.loseConnection()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Drop the part of a refused body that comes before the connection is closed."""

    def finish(self) -> None:
        """As Daphne's. A connection that is kept has the same time for its next request as for the first."""
        if self.channel is not None and self.channel.persistent:
            self.channel.factory.await_request(self.channel)
        super().finish()

    def process(self) -> Any:
        """Handle the whole request."""
        channel = self.channel
        channel.factory.awaited.pop(channel, None)
        offered = self.requestHeaders.getRawHeaders(b"sec-websocket-protocol") or ()
        if not all(value.isascii() for value in offered):
            self.basic_error(400, b"Bad Request", "A subprotocol is ASCII")
            return None
        processed = super().process()
        if self.transport is None:  # it has become a WebSocket, and nothing else would part the request and its channel
            channel.requests.clear()
        return processed


class TimeoutFactory(HTTPFactory):  # type: ignore[misc]  # untyped
    """Daphne's factory of connections, with the deadline of each connection that has to send a request."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.awaited: dict[Any, float] = {}  # by channel, in the order of their deadlines
        self._seconds = get_settings().handshake_seconds
        reactor.callLater(LOOK_EVERY_SECONDS, self._look)

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        """As Daphne's."""
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = TimeoutRequest
        self.await_request(protocol._channel)
        return protocol

    def await_request(self, channel: Any) -> None:
        """Close this connection unless a whole request has come in time."""
        self.awaited.pop(channel, None)  # so that the newest deadline is the last
        self.awaited[channel] = time.monotonic() + self._seconds

    def _look(self) -> None:
        now = time.monotonic()
        while self.awaited and (channel := next(iter(self.awaited))) and self.awaited[channel] < now:
            del self.awaited[channel]
            if channel.transport is not None and channel.transport.connected:
                metrics.REFUSED.labels("handshake_seconds").inc()
                channel.transport.abortConnection()
        reactor.callLater(LOOK_EVERY_SECONDS, self._look)


def install() -> None:
    """Make Daphne use this factory for its connections; it makes it after the application was imported."""
    server.HTTPFactory = TimeoutFactory
