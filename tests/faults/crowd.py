"""Clients in numbers, in a process of their own: `python -m tests.faults.crowd <what> <port> <first user> <users>`.

Input: their behaviour (FOLLOW, CHURN or FLOOD), an edge's port, and a range of users. Output: a line of JSON with the
counts so far, several times a second, until the process is killed. `Crowd` starts it and reads the last line. It is a
process of its own so that the load and the followers of a trial do not wait for it.
"""

import asyncio
import contextlib
import itertools
import json
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from tests import raw
from tests.processes import Process
from tests.raw import CLOSE, CONTINUATION, PING, PONG, TEXT, RawSocket, frame

#: One socket for each user, which judges every frame that it is sent: each change once and in order.
FOLLOW = "follow"
#: Sockets that come and go.
CHURN = "churn"
#: Sockets that send pings without reading, empty continuation frames, or fragments of a message that has no end.
FLOOD = "flood"

#: Handshakes at a time.
CONCURRENTLY = 50
#: How long a socket of a churn stays at most (seconds).
STAYS_SECONDS = 0.2
#: Frames that a flood writes in one block, and bytes of an unfinished message.
BLOCK, FRAGMENT_BYTES = 1000, 15_000
#: Sockets of each sort of flood.
FLOODING = 4
#: Longest time in which a follower is sent nothing (seconds).
SILENT_SECONDS = 600
#: Between two lines of counts, and before a flood that was closed begins anew (seconds).
EVERY_SECONDS = 0.2

counts: Counter[str] = Counter()


class Crowd(Process):
    """Such a process, and its counts."""

    def __init__(self, what: str, port: int, users: list[int]) -> None:
        first, count = users[0], len(users)
        assert users == list(range(first, first + count)), "one statement made these users, so their ids are a range"
        command = [sys.executable, "-m", "tests.faults.crowd", what, str(port), str(first), str(count)]
        super().__init__(f"faults-{what}-{port}", *command)

    def counts(self) -> Counter[str]:
        """Return its counts of shortly before."""
        said = self.said()
        assert self.exit_code() is None, said[-3000:]
        lines = [line for line in said.split("\n")[:-1] if line.startswith("{")]
        return Counter(json.loads(lines[-1])) if lines else Counter()


async def opened(port: int, user: int) -> RawSocket:
    """Return an open socket of a user."""
    socket = await RawSocket.open(port, token=mint(user, get_settings())[0])
    counts["opened"] += 1
    return socket


async def follow(port: int, users: list[int]) -> None:
    gate = asyncio.Semaphore(CONCURRENTLY)
    await asyncio.gather(*(_follow(port, user, gate) for user in users))


async def _follow(port: int, user: int, gate: asyncio.Semaphore) -> None:
    async with gate:
        socket = await opened(port, user)
        last = (await _next(socket))["seq"]
    while True:
        seq = (await _next(socket)).get("seq")
        if seq is None:  # not a change
            continue
        counts["changes"] += 1
        counts["repeated"] += seq <= last
        counts["out of order"] += seq > last + 1
        last = max(last, seq)


async def _next(socket: RawSocket) -> dict[str, Any]:
    """Return the next message of the edge, and answer pings meanwhile."""
    while True:
        opcode, payload = await socket.receive(SILENT_SECONDS)
        match opcode:
            case raw.TEXT:
                message: dict[str, Any] = json.loads(payload)
                return message
            case raw.PING:
                socket.send(frame(PONG, payload))
            case raw.CLOSE:
                raise ConnectionError(f"the edge closed: {payload!r}")


async def churn(port: int, users: list[int]) -> None:
    turn = itertools.cycle(users)

    async def come_and_go() -> None:
        for number in itertools.count():
            socket = await opened(port, next(turn))
            await socket.receive()
            await asyncio.sleep(random.uniform(0, STAYS_SECONDS))
            if number % 3:
                socket.send(frame(CLOSE, (1001).to_bytes(2, "big")))
                with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
                    await socket.receive()
            socket.abort()

    await asyncio.gather(*(come_and_go() for _ in range(CONCURRENTLY)))


async def flood(port: int, users: list[int]) -> None:
    turn = itertools.cycle(users)

    async def again(name: str, what: Callable[[RawSocket], Awaitable[None]]) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                socket = await opened(port, next(turn))
                counts[name] += 1
                try:
                    await what(socket)
                finally:
                    socket.abort()
            await asyncio.sleep(EVERY_SECONDS)

    async def pings(socket: RawSocket) -> None:
        while True:
            socket.send(frame(PING) * BLOCK)
            await socket.writer.drain()

    async def empty_continuations(socket: RawSocket) -> None:
        socket.send(frame(TEXT, b"{", last=False))
        while True:
            socket.send(frame(CONTINUATION, last=False) * BLOCK)
            await socket.writer.drain()

    async def unfinished(socket: RawSocket) -> None:
        socket.send(frame(TEXT, b" " * FRAGMENT_BYTES, last=False))
        await socket.closed(60)

    floods = {"pings": pings, "empty continuations": empty_continuations, "unfinished": unfinished}
    await asyncio.gather(*(again(name, what) for name, what in floods.items() for _ in range(FLOODING)))


async def report() -> None:
    while True:
        print(json.dumps(counts), flush=True)
        await asyncio.sleep(EVERY_SECONDS)


async def main(what: str, port: int, first: int, count: int) -> None:
    """Do it, and count, until the process is killed."""
    do = {FOLLOW: follow, CHURN: churn, FLOOD: flood}[what]
    await asyncio.gather(do(port, list(range(first, first + count))), report())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
