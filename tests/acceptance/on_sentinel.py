"""A Redis that fails over, and a second host of the channel layer; run by test_other_servers.py on Sentinel."""

import pytest
from asgiref.sync import sync_to_async

from tests import environment
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import all_done, person, post, thread, until
from tests.client import connected
from tests.processes import Beat, Edge, Worker

pytestmark = pytest.mark.django_db(transaction=True)

#: So many that both hosts of the channel layer have some.
PEOPLE = 6


@pytest.mark.timeout(300)
async def test_sentinel_failover(valkey: str) -> None:
    """A failover of Redis delays notifications and loses none."""
    sentinel = environment.SENTINEL
    await until(sentinel.knows_the_replica, "the replica does not copy")
    ann, *others = [await person() for _ in range(PEOPLE)]
    place = await thread(ann)
    for one in others:
        await post(place, one, "I take part.")
    here = await sync_to_async(on_test_database)()
    with Edge("watched-edge", **here) as edge, Worker("watched", **here), Beat():
        await all_done()
        async with connected(edge.url, others[0]) as one, connected(edge.url, others[1]) as two:
            await post(place, ann, "Before.")
            heads = [(await client.changes(1))[0]["seq"] for client in (one, two)]
            sentinel.primary.kill()
            await post(place, ann, "Meanwhile.")
            await until(edge.is_up, "the edge did not find the new primary")
            await all_done()
            await post(place, ann, "After.")
            for client, head in zip((one, two), heads, strict=True):
                assert [frame["seq"] for frame in await client.changes(2)] == [head + 1, head + 2]
            await all_done()
            for client in (one, two):
                await client.nothing_came()
