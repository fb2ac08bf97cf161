"""A slow goodbye to all sockets of this process.

Enters: the sockets, and over how long. Leaves: every one told GOING_AWAY, with reconnect times spread so that the other
edges are not met by all of them at once, and closed with 4012, evenly over the period.
"""

import asyncio
import random

from ..shared import protocol
from ..shared.protocol import Close
from .sockets import Sockets


async def goodbye(to: Sockets, period: float) -> int:
    """Say goodbye over `period` seconds; to how many."""
    sockets = to.all()
    for socket in sockets:
        socket.send(protocol.going_away(random.uniform(0, period)))  # noqa: S311 - spread
    random.shuffle(sockets)
    begun = asyncio.get_running_loop().time()
    for number, socket in enumerate(sockets):
        socket.close(Close.GOING_AWAY)
        # Evenly over the period, however many there are; few of them are closed at once.
        behind = begun + period * number / max(len(sockets), 100) - asyncio.get_running_loop().time()
        if behind > 0:
            await asyncio.sleep(behind)
    return len(sockets)
