"""Costs of an HTTP request: no body, and a deadline for each request of a connection."""

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
from tests.tasks import running

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
    """Return the bytes that arrive until the edge closes the connection."""
    rest = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(CUT_OFF_SECONDS):
            while part := await reader.read(4096):
                rest += part
    return rest


async def test_slow_second_request(punctual: Edge) -> None:
    """A kept connection that sends its next request too slowly is closed."""
    async with connection(punctual) as (reader, writer):
        await healthy(reader, writer)
        await healthy(reader, writer)  # in time

        async def dribble() -> None:
            for byte in b"GET /healthz HTTP/1.1\r\nX-A: " + b"a" * 1000:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.1)

        async with running(dribble()):
            begun = time.monotonic()
            assert await ends(reader) == b""
            assert time.monotonic() - begun > HANDSHAKE_SECONDS / 2


async def test_idle_kept_connection(punctual: Edge) -> None:
    """A kept connection without a further request is closed."""
    async with connection(punctual) as (reader, writer):
        await healthy(reader, writer)
        assert await ends(reader) == b""


async def test_two_requests_in_one_packet(punctual: Edge) -> None:
    """Two requests in one packet are both answered."""
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
async def test_request_with_body(punctual: Edge, head: bytes, before: bool) -> None:
    """A request with a body is refused with 413 before the body is read, and counted."""
    refused = punctual.metric("clarion_edge_refused_total")
    async with connection(punctual) as (reader, writer):
        if before:
            await healthy(reader, writer)
        writer.write(head)
        assert (await ends(reader)).startswith(b"HTTP/1.1 413 ")
    await until(lambda: punctual.metric("clarion_edge_refused_total") == refused + 1, "it was not counted")


async def test_large_body_not_stored(punctual: Edge) -> None:
    """A large body is stored neither in a file nor in memory."""
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


async def test_empty_body(punctual: Edge) -> None:
    """A request with an empty body is accepted."""
    async with connection(punctual) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        async with asyncio.timeout(CUT_OFF_SECONDS):
            assert b"200" in await reader.readuntil(b"0\r\n\r\n")
