"""The memory that connections cost an edge is returned when they are gone."""

import asyncio
import contextlib
import itertools
import random

import psutil
import pytest
from asgiref.sync import sync_to_async

from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import filled, person, until
from tests.client import connected
from tests.processes import Edge
from tests.raw import CLOSE, PATH, RawSocket, frame

pytestmark = pytest.mark.django_db(transaction=True)

CONCURRENTLY = 100
#: How long one connection stays at most (seconds).
STAYS_SECONDS = 0.4
GROWTH = 1.1
#: Connects before memory is measured, and between the two measurements.
WARM_UP, MEASURED = 1200, 2400
#: Changes that were missed, and the size of each.
CHANGES, DATA_BYTES = 400, 16_000
#: Sockets of which nothing is read.
UNREAD = 8


def memory(edge: Edge) -> int:
    assert edge.popen is not None
    return int(psutil.Process(edge.popen.pid).memory_info().rss)


@pytest.mark.parametrize("with_token", [True, False])
async def test_memory_after_many_connections(db: None, valkey: str, with_token: bool) -> None:
    """The memory of an edge does not grow with the number of past connections."""
    ann = await person()
    token = mint(ann.pk, get_settings())[0] if with_token else None
    env = await sync_to_async(on_test_database)()
    with Edge("churned", CLARION_CONNECTIONS_PER_USER="10000", **env) as edge:

        async def come_and_go(left: "itertools.count[int]", total: int) -> None:
            while (number := next(left)) < total:
                socket = await RawSocket.open(edge.port, token=token)
                await socket.receive()
                await asyncio.sleep(random.uniform(0, STAYS_SECONDS))
                if number % 3:
                    socket.send(frame(CLOSE, (1001).to_bytes(2, "big")))
                    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
                        await socket.receive()
                socket.abort()

        async def churn(total: int) -> int:
            left = itertools.count()
            await asyncio.gather(*(come_and_go(left, total) for _ in range(CONCURRENTLY)))
            await until(lambda: edge.metric("clarion_edge_sockets") == 0, "sockets are left")
            return memory(edge)

        before = await churn(WARM_UP)
        assert await churn(MEASURED) < before * GROWTH


async def test_memory_of_replays(edge: Edge) -> None:
    """A replay costs an edge no more memory than the credit of its sockets."""
    ann = await person()
    token, _ = mint(ann.pk, get_settings())
    await filled(ann.pk, CHANGES, size=DATA_BYTES, published=False)
    before, parked = memory(edge), edge.metric("clarion_edge_parked_total")
    path = f"{PATH}?since=0&epoch=0"
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(UNREAD):
            await stack.enter_async_context(RawSocket.unread(edge.port, path=path, token=token))
        await until(lambda: edge.metric("clarion_edge_parked_total") >= parked + UNREAD, "they are not parked")
        async with connected(edge.url, ann, since=0, epoch="0") as client:
            assert await client.all_changes(CHANGES) == list(range(1, CHANGES + 1))
        assert memory(edge) - before < UNREAD * get_settings().credit_bytes + 16 * 2**20
