"""What an HTTP request may cost an edge: no body, and a deadline for each request of a connection."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import psutil
import pytest

from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import until
from tests.processes import Edge
from tests.raw import handshake

pytestmark = pytest.mark.django_db(transaction=True)

HANDSHAKE_SECONDS = 1.5
#: The process looks twice a second, and other things run on this machine.
CUT_OFF_SECONDS = HANDSHAKE_SECONDS + 3

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def punctual(django_db_setup: None) -> Iterator[Edge]:
    with Edge("punctual", CLARION_HANDSHAKE_SECONDS=str(HANDSHAKE_SECONDS), **on_test_database()) as process:
        yield process


@contextlib.asynccontextmanager
async def connection(edge: Edge) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def healthy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request on a connection that is kept."""
    writer.write(HEALTH)
    async with asyncio.timeout(CUT_OFF_SECONDS):
        assert b"200" in await reader.readuntil(b"0\r\n\r\n")


async def ends(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the connection is closed by the edge."""
    rest = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(CUT_OFF_SECONDS):
            while part := await reader.read(4096):
                rest += part
    return rest


async def test_a_kept_connection_that_dribbles_its_next_request_is_closed(punctual: Edge) -> None:
    async with connection(punctual) as (reader, writer):
        await healthy(reader, writer)
        await healthy(reader, writer)  # in time

        async def dribble() -> None:
            for byte in b"GET /healthz HTTP/1.1\r\nX-A: " + b"a" * 1000:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.1)

        dribbling = asyncio.create_task(dribble())
        begun = time.monotonic()
        assert await ends(reader) == b""
        assert time.monotonic() - begun > HANDSHAKE_SECONDS / 2
        dribbling.cancel()


async def test_a_kept_connection_that_asks_for_nothing_more_is_closed(punctual: Edge) -> None:
    async with connection(punctual) as (reader, writer):
        await healthy(reader, writer)
        assert await ends(reader) == b""


async def test_two_requests_in_one_packet_are_answered_and_no_stream_is_cut(punctual: Edge) -> None:
    async with connection(punctual) as (reader, writer):
        writer.write(HEALTH + b"GET /sse/notification-updates/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n")
        async with asyncio.timeout(CUT_OFF_SECONDS):
            assert b"200" in await reader.readuntil(b"0\r\n\r\n")
            assert b"AUTH_FAILED" in await reader.readuntil(b"0\r\n\r\n")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /sse/notification-updates/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        handshake("Content-Length: 5"),
    ],
)
@pytest.mark.parametrize("before", [False, True])
async def test_a_body_is_refused_before_it_is_read(punctual: Edge, head: bytes, before: bool) -> None:
    refused = punctual.metric("clarion_edge_refused_total")
    async with connection(punctual) as (reader, writer):
        if before:
            await healthy(reader, writer)
        writer.write(head)
        assert (await ends(reader)).startswith(b"HTTP/1.1 413 ")
    await until(lambda: punctual.metric("clarion_edge_refused_total") == refused + 1, "it was not counted")


async def test_a_body_is_written_nowhere(punctual: Edge) -> None:
    assert punctual.popen is not None
    process = psutil.Process(punctual.popen.pid)
    before = process.memory_info().rss

    async def send_much() -> None:
        async with connection(punctual) as (_, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                for _ in range(64):
                    writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                    await writer.drain()

    await asyncio.gather(*(send_much() for _ in range(10)))
    assert [file.path for file in process.open_files() if "tmp" in file.path and "deleted" in file.path] == []
    assert process.memory_info().rss - before < 8 * 2**20


async def test_an_empty_body_is_none(punctual: Edge) -> None:
    async with connection(punctual) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        async with asyncio.timeout(CUT_OFF_SECONDS):
            assert b"200" in await reader.readuntil(b"0\r\n\r\n")
