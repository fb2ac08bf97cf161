"""How long a connection may take to ask for something, and what is too odd to be asked.

Enters: connections as they are accepted. Leaves: those closed that have not sent a whole request in time: nothing at
all, or a header line now and then, which is all it takes to hold a connection for hours. Twisted's own time-out counts
from the last byte; the size of a request's headers it bounds itself. And a subprotocol that is no ASCII is refused
before Daphne fails over it, with a traceback in the log for each.
"""

import time
from typing import Any

from daphne import server
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import reactor

from shared import metrics
from shared.settings import load

#: How often the process looks for those who took too long (seconds).
LOOK_EVERY_SECONDS = 0.5


class PunctualRequest(WebRequest):  # type: ignore[misc]  # untyped
    """A request of Daphne's, whose arrival ends the wait for it."""

    def process(self) -> Any:
        """The whole request has come."""
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


class PunctualFactory(HTTPFactory):  # type: ignore[misc]  # untyped
    """Daphne's factory of connections, which remembers those that have asked for nothing yet."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.awaited: dict[Any, float] = {}  # by channel, in the order of their deadlines
        self._seconds = load().handshake_seconds
        reactor.callLater(LOOK_EVERY_SECONDS, self._look)

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        """As Daphne's."""
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = PunctualRequest
        self.awaited[protocol._channel] = time.monotonic() + self._seconds
        return protocol

    def _look(self) -> None:
        now = time.monotonic()
        while self.awaited and (channel := next(iter(self.awaited))) and self.awaited[channel] < now:
            del self.awaited[channel]
            if channel.transport is not None and channel.transport.connected:
                metrics.REFUSED.labels("handshake_seconds").inc()
                channel.transport.abortConnection()
        reactor.callLater(LOOK_EVERY_SECONDS, self._look)


def install() -> None:
    """Have Daphne make its connections with this factory; it makes it after the application was imported."""
    server.HTTPFactory = PunctualFactory
