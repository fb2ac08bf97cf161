"""A socket whose client goes at the very moment that something is sent."""

from dataclasses import dataclass, field
from typing import Any, cast

from autobahn.exception import Disconnected

from edge.repair import Reader
from edge.socket import Socket
from edge.wire import WebSocketWire
from shared.layer import frame_message
from shared.settings import Settings


@dataclass
class Home:
    """As much of a process as a socket uses while nothing is missing."""

    settings: Settings = field(default_factory=lambda: Settings(debug=True))
    reader: Reader = field(default_factory=lambda: cast(Reader, None))
    acks: dict[int, int] = field(default_factory=dict)


async def test_a_client_that_has_just_gone_is_no_failure() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if len(sent) == 2:
            raise Disconnected("Attempt to send on a closed protocol")

    socket = Socket(Home(), WebSocketWire(send), "session")
    socket.stream.open(0)
    for seq in (1, 2, 3):
        socket.received(dict(frame_message(seq, f"frame {seq}")))
    assert socket.closed
    assert [message["text"] for message in sent] == ["frame 1", "frame 2"]
