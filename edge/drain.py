"""Closes all connections of this process gradually.

Input: the hub and a period. Each client receives GOING_AWAY with a reconnect time. The times are spread over the
period, so that the other edges do not receive all reconnects at the same moment. Then the connections are closed with
4012, evenly over the period.
"""

import asyncio
import random

from ..shared import protocol
from ..shared.protocol import Close
from .hub import Hub


async def close_gradually(to: Hub, period: float) -> int:
    """Close all connections over `period` seconds; return their number."""
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
