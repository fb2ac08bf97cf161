"""Costs of WebSocket frames: each counts against the rate, and none piles up."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator

import psutil
import pytest
from django.contrib.auth.models import User

from clarion.edge.outgoing import LINGER_SECONDS
from clarion.shared.protocol import Close
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import person
from tests.client import connected
from tests.processes import Edge
from tests.raw import CONTINUATION, PING, PONG, SMALLEST_BUFFER_BYTES, TEXT, RawSocket, frame
from tests.tasks import running

pytestmark = pytest.mark.django_db(transaction=True)

#: Longest that another client may wait for an answer meanwhile (seconds).
ANSWER_SECONDS = 1.0
SILENT_SECONDS = 2


@pytest.fixture(scope="module")
def attentive(django_db_setup: None) -> Iterator[Edge]:
    """An edge that closes silent sockets soon, and does not flood its clients with pings of its own."""
    known = {"CLARION_HEARTBEAT_SECONDS": "1", "CLARION_SILENT_SECONDS": str(SILENT_SECONDS)}
    with Edge("attentive", **known, **on_test_database()) as process:
        yield process


async def opened(edge: Edge, user: User, receive_buffer: int | None = None) -> RawSocket:
    token, _ = mint(user.pk, get_settings())
    raw = await RawSocket.open(edge.port, token=token, receive_buffer=receive_buffer)
    assert (await raw.receive())[0] == TEXT
    return raw


async def test_slow_answer_to_close(edge: Edge) -> None:
    """A connection that the edge closes is reset only after seconds without an answer, so the close code arrives."""
    raw = await RawSocket.open(edge.port)
    assert await raw.closed() == Close.NO_TOKEN
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(raw.reader.read(1), LINGER_SECONDS / 2)
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(raw.reader.read(1), LINGER_SECONDS * 2) == b""
    raw.abort()


@pytest.mark.parametrize("opcode", [PING, PONG, CONTINUATION])
async def test_frame_flood(edge: Edge, opcode: int) -> None:
    """A flood of any type of frame closes its socket and does not delay other clients."""
    ann, ben = await person(), await person()
    raw = await opened(edge, ann)
    block = frame(opcode, last=opcode != CONTINUATION) * 4000

    async def flood() -> None:
        with contextlib.suppress(ConnectionError):
            if opcode == CONTINUATION:
                raw.send(frame(TEXT, b"{", last=False))
            while True:
                raw.send(block)
                await raw.writer.drain()

    async with connected(edge.url, ben) as behaved:
        flooding = asyncio.create_task(flood())
        begun = time.monotonic()
        await behaved.nothing_came()
        assert time.monotonic() - begun < ANSWER_SECONDS
        frames = []
        while not frames or frames[-1][0] != 0x8:
            frames.append(await raw.receive())
        texts = [json.loads(payload)["type"] for kind, payload in frames if kind == TEXT]
        assert texts == ["RATE_LIMITED"]
        assert int.from_bytes(frames[-1][1][:2], "big") == Close.TOO_MANY
        assert sum(kind == PONG for kind, _ in frames) <= get_settings().messages_per_minute + 1
        await asyncio.wait_for(flooding, 10)  # the edge drops the connection
        await behaved.nothing_came()
    raw.abort()


async def test_memory_of_unread_pongs(edge: Edge) -> None:
    """Pings whose answers are not read cost a bounded amount of memory."""
    assert edge.popen is not None
    process = psutil.Process(edge.popen.pid)
    ann = await person()
    raws = [await opened(edge, ann, SMALLEST_BUFFER_BYTES) for _ in range(5)]
    before = process.memory_info().rss
    for raw in raws:
        raw.transport.pause_reading()
    block = frame(PING, b"p" * 125) * 2000

    async def flood(raw: RawSocket) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(3):
                while True:
                    raw.send(block)
                    await raw.writer.drain()

    await asyncio.gather(*map(flood, raws))
    assert process.memory_info().rss - before < 8 * 2**20
    for raw in raws:
        raw.abort()


@pytest.mark.parametrize("first", [1, 0.1, 100])
async def test_too_large_fragments(edge: Edge, first: float) -> None:
    """An unfinished message larger than the limit closes the socket."""
    raw = await opened(edge, await person())
    limit = get_settings().message_bytes
    head = frame(TEXT, b"x" * int(limit * first), last=False)[: limit + 10]
    raw.send(head, *(frame(CONTINUATION, b"x" * (limit // 50), last=False) for _ in range(50)))
    assert await raw.closed() == Close.MESSAGE_TOO_LARGE
    raw.abort()


async def test_fragmented_message(edge: Edge) -> None:
    """A fragmented message within the limit is one message."""
    raw = await opened(edge, await person())
    raw.send(frame(TEXT, b'{"type":', last=False), frame(CONTINUATION, b'"pi', last=False), frame(PING, b"between"))
    raw.send(frame(CONTINUATION, b'ng"}'))
    assert {await raw.receive(), await raw.receive()} == {(PONG, b"between"), (TEXT, b'{"type":"pong"}')}
    raw.abort()


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_protocol_ping_keeps_alive(attentive: Edge, opcode: int) -> None:
    """A ping or pong frame of WebSocket keeps the socket open."""
    ann = await person()
    alive, silent = await opened(attentive, ann), await opened(attentive, ann)

    async def keep_alive() -> None:
        while True:
            alive.send(frame(opcode))
            await asyncio.sleep(0.5)

    async with running(keep_alive()):
        assert await silent.closed() == Close.SILENT
        await asyncio.sleep(SILENT_SECONDS)  # tests the passing of time
    alive.send(frame(TEXT, b'{"type":"ping"}'))
    while (answer := await alive.receive())[0] != TEXT:
        assert answer[0] in (PING, PONG)
    assert answer == (TEXT, b'{"type":"pong"}')
    alive.abort()
    silent.abort()
