"""Edges: killed, frozen, rolled; and clients that are no good."""

import asyncio
import contextlib
import random
from contextlib import AsyncExitStack

import pytest
import websockets

from clarion.shared.protocol import SUBPROTOCOL
from clarion.shared.settings import get_settings as settings
from clarion.shared.tokens import mint
from tests.acceptance.test_fuzz import garbage_frames, garbage_handshake, handshake, spoken
from tests.faults.background import Background
from tests.faults.breakages import dead, frozen, rolled
from tests.faults.conftest import Trials
from tests.faults.trial import Trial

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

#: Clients of a bad sort at a time.
SILENT = 60
#: How many connect and vanish, and how many of them at a time.
VANISHING, AT_ONCE = 3000, 50


def test_edge_killed(trial: Trials) -> None:
    """The sockets of a killed edge resume on the other one.

    May notice: half of the sockets reconnect and resume from their cursors.
    """
    with trial("edge killed", "a reconnect of its sockets", within=40) as run, dead(run.stack, "left"):
        run.some_more()


def test_edge_frozen(trial: Trials) -> None:
    """The clients of a frozen edge leave it and lose no change.

    May notice: its sockets receive nothing until it continues or their clients give up.
    """
    with trial("edge frozen", "its sockets hear nothing meanwhile", within=40) as run, frozen(run.stack, "left"):
        run.passes(5)


def test_edges_rolled(trial: Trials) -> None:
    """Restarting the edges one by one loses no client.

    May notice: every client reconnects once or twice, at the given time.
    """
    with trial("edges rolled", "a reconnect when told to", within=40) as run, rolled(run.stack, "left", "right"):
        run.some_more()


async def quiet_sockets(run: Trial, *, a_byte: bool) -> None:
    """Sockets of users with notifications: nothing is read from them, or one byte a second."""
    async with AsyncExitStack() as stack:
        sockets = []
        for number in range(SILENT):
            token, _ = mint(run.users[number % len(run.users)], settings())
            protocols = [SUBPROTOCOL, f"bearer.{token}"]
            connecting = websockets.connect(run.stack.socket_url, subprotocols=protocols, max_queue=1)
            # As every client does, it tries again if the edge is slow to answer.
            while len(sockets) == number:
                with contextlib.suppress(OSError, TimeoutError, websockets.WebSocketException):
                    sockets.append(await stack.enter_async_context(connecting))
        for one in sockets:
            one.transport.pause_reading()
            stack.callback(one.transport.abort)
        while True:
            await asyncio.sleep(1)
            for one in sockets if a_byte else ():
                with contextlib.suppress(BlockingIOError, OSError):
                    one.transport.get_extra_info("socket")._sock.recv(1)


@pytest.mark.parametrize("a_byte", [False, True], ids=["never", "one byte a second"])
def test_unreading_clients(trial: Trials, background: Background, a_byte: bool) -> None:
    """Clients that hardly read are parked and closed, and do not affect others.

    May notice: nothing.
    """
    name = "clients that read one byte a second" if a_byte else "clients that never read"
    with trial(name, "nothing", within=40) as run:
        # Silent as they are, on a slow machine they are closed for that before they have been sent too much.
        kept_off = ("clarion_edge_parked_total", "clarion_edge_closes_total")
        before = sum(map(run.counted, kept_off))
        reading = background.begin(quiet_sockets(run, a_byte=a_byte))

        def kept_off_or_failed() -> bool:
            return reading.done() or sum(map(run.counted, kept_off)) >= before + SILENT // 2

        run.until(kept_off_or_failed, lambda: f"{sum(map(run.counted, kept_off)) - before} are parked or closed")
        assert not reading.done(), reading.exception()
        reading.cancel()


async def garbage(run: Trial, dice: random.Random) -> None:
    """Handshakes and frames that are wrong, as long as it lasts."""
    port = run.stack.links["clients-balancer"].port
    good, _ = mint(run.users[0], settings())
    while True:
        sayings = [
            (handshake(good), garbage_frames(dice)) if n % 2 else (garbage_handshake(dice, good),) for n in range(20)
        ]
        await asyncio.gather(*(spoken(port, *said) for said in sayings))


def test_garbage_from_clients(trial: Trials, background: Background) -> None:
    """Garbage from clients does not affect others.

    May notice: nothing.
    """
    with trial("clients that send garbage", "nothing", within=40) as run:
        speaking = background.begin(garbage(run, run.dice))
        run.some_more(60)
        assert not speaking.done(), speaking.exception()
        speaking.cancel()


async def vanish(run: Trial) -> int:
    """Connect and vanish, thousands of times, at any point of the handshake; return the number."""
    port = run.stack.links["clients-balancer"].port
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        token, _ = mint(run.users[number % len(run.users)], settings())
        async with gate:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(handshake(token)[: None if number % 3 else number % 400])
                if number % 2:
                    await writer.drain()
                    await asyncio.sleep(run.dice.random() / 20)
                writer.transport.abort()

    await asyncio.gather(*(one(number) for number in range(VANISHING)))
    return VANISHING


def test_vanishing_clients(trial: Trials, background: Background) -> None:
    """Thousands of clients that connect and vanish leave no socket behind.

    May notice: nothing, or a connect that takes longer.
    """
    with trial("clients that connect and vanish", "a connect that takes longer", within=40) as run:
        assert background.begin(vanish(run)).result(120) == VANISHING
    run.until(lambda: run.counted("clarion_edge_sockets") == 0, "sockets of nobody stay")
