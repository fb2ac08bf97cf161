"""Presence of users, across edges and their crashes: real Daphne, real sockets, a real Valkey."""

import pytest
from asgiref.sync import sync_to_async

from clarion.pipeline.presence import connected as present
from clarion.shared.channel_layer import ClarionChannelLayer
from clarion.shared.groups import user_group
from tests import environment
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import person, until
from tests.acceptance.test_event_stream import bearer, streamed
from tests.client import connected
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)


async def test_presence_across_edges(edge: Edge) -> None:
    """A user with a socket or a stream on any edge is present."""
    ann, ben, cleo = await person(), await person(), await person()
    ids = [ann.pk, ben.pk, cleo.pk]
    with Edge("second", **await sync_to_async(on_test_database)()) as second:
        async with connected(edge.url, ann), connected(second.url, ann):
            async with streamed(second, bearer(ben)) as stream:
                await stream.next()
                assert await sync_to_async(present)(ids) == {ann.pk, ben.pk}
            await until(lambda: present(ids) == {ann.pk}, "Ben left, and is still there")
            await sync_to_async(second.kill)()
            assert await sync_to_async(present)(ids) == {ann.pk}  # Ann has another
    await until(lambda: present(ids) == set(), "nobody is connected any more")


async def test_presence_after_edge_crash(db: None, valkey: str) -> None:
    """The users of a crashed edge are no longer present."""
    people = [await person() for _ in range(3)]
    ids = [one.pk for one in people]
    with Edge("doomed", **await sync_to_async(on_test_database)()) as doomed:
        async with connected(doomed.url, people[0]), connected(doomed.url, people[1]):
            assert await sync_to_async(present)(ids) == set(ids[:2])
            await sync_to_async(doomed.kill)()
            await until(lambda: present(ids) == set(), "the users of an edge that is no more are still there")


@sync_to_async
def asked_of(layer: ClarionChannelLayer, groups: list[str]) -> list[int]:
    return layer.listening(groups)


async def test_presence_of_many_users(valkey: str) -> None:
    """The presence of many users is read in one call from several hosts."""
    hosts = [environment.VALKEY.database_url(number) for number in (1, 2)]  # pub/sub knows no databases
    layer = ClarionChannelLayer(hosts=hosts, prefix="crowd")
    groups = [user_group(user_id) for user_id in range(1, 2501)]
    there = groups[::7]
    loop_layer = layer.loop_layer()
    for group in there:
        assert await loop_layer.listen(group, print, wait_seconds=10)
    assert await asked_of(layer, groups) == [int(group in there) for group in groups]
    assert await sync_to_async(present)([]) == set()
    await layer.flush()
    layer.close()
