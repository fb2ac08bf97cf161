"""The Python client against real edges: each change once, in order, also across faults."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from clarion.client import AccessEnded, Change, Cursor, InboxClient, Resync
from clarion.pipeline import revocation
from clarion.shared.inbox.models import Epoch
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import filled, person, until
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)

#: Longest wait for one item (seconds).
PATIENCE_SECONDS = 15
BACKOFF = (0.1, 0.3)


def token_of(user: User) -> Callable[[], Awaitable[str | None]]:
    async def get_token() -> str | None:
        return (await asyncio.to_thread(mint, user.pk, get_settings()))[0]

    return get_token


@asynccontextmanager
async def listening(edge: Edge, user: User, cursor: Cursor | None = None) -> AsyncIterator[InboxClient]:
    async with InboxClient(edge.url, token_of(user), cursor=cursor, backoff=BACKOFF) as inbox:
        yield inbox


async def some(inbox: InboxClient, count: int) -> list[Change | Resync]:
    items: list[Change | Resync] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(items) < count:
            items.append(await anext(inbox.__aiter__()))
    return items


async def test_without_a_cursor_it_begins_with_the_snapshot_and_then_tells_each_change(edge: Edge) -> None:
    ann = await person()
    async with listening(edge, ann) as inbox:
        assert await some(inbox, 1) == [Resync("0", 0, 0, "NOT_RESUMED")]
        await filled(ann.pk, 3)
        changes = await some(inbox, 3)
        assert [item.seq for item in changes] == [1, 2, 3]
        assert isinstance(changes[0], Change)
        assert changes[0].frame["notificationType"] == "TEST"
        assert inbox.cursor == Cursor("0", 3)


async def test_it_resumes_from_its_cursor_when_an_edge_is_killed(db: None, valkey: str) -> None:
    ann = await person()
    with Edge("mortal", **await sync_to_async(on_test_database)()) as mortal:
        async with listening(mortal, ann, Cursor("0", 0)) as inbox:
            await filled(ann.pk, 2)
            assert [item.seq for item in await some(inbox, 2)] == [1, 2]
            await asyncio.to_thread(mortal.kill)
            reading = asyncio.create_task(some(inbox, 3))
            await filled(ann.pk, 3, first=3, published=False)
            await asyncio.to_thread(mortal.start)
            assert [item.seq for item in await reading] == [3, 4, 5]
            assert inbox.connects == 2


async def test_another_history_is_told_as_such(edge: Edge) -> None:
    ann = await person()
    await filled(ann.pk, 2)
    await Epoch.objects.acreate(value="restored")
    async with listening(edge, ann, Cursor("0", 1)) as inbox:
        told = await some(inbox, 2)
        assert told[0] == Resync("restored", 2, 2, "NOT_RESUMED")
        assert inbox.cursor == Cursor("restored", 2)
    await Epoch.objects.all().adelete()


async def test_revoked_access_ends_it_with_a_clear_word(edge: Edge) -> None:
    ann = await person()
    async with listening(edge, ann) as inbox:
        await some(inbox, 1)
        await sync_to_async(revocation.revoke)(ann.pk)
        with pytest.raises(AccessEnded, match="revoked"):
            await some(inbox, 1)


async def test_tokens_that_are_refused_are_not_sent_for_ever(edge: Edge) -> None:
    asked = 0

    async def get_token() -> str | None:
        nonlocal asked
        asked += 1
        return None if asked == 1 else "nonsense"  # the first call returns None

    async with InboxClient(edge.url, get_token, backoff=(0.01,)) as inbox:
        with pytest.raises(AccessEnded, match="refused"):
            await some(inbox, 1)
    assert asked == 4


async def test_an_old_connection_is_given_a_new_token(db: None, valkey: str) -> None:
    ann = await person()
    env = await sync_to_async(on_test_database)()
    with Edge("renewing", CLARION_SOCKET_AGE_SECONDS="1", **env) as edge:
        frames: list[str] = []
        get_token = token_of(ann)
        async with InboxClient(edge.url, get_token, heard=lambda frame: frames.append(frame["type"])) as inbox:
            await some(inbox, 1)
            reading = asyncio.create_task(some(inbox, 1))
            await until(lambda: frames.count("AUTH_OK") >= 2, "it was not asked for a token, or gave none")
            await filled(ann.pk, 1)
            assert [item.seq for item in await reading] == [1]
            assert inbox.connects == 1
