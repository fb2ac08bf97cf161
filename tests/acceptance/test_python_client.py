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
PATIENCE_SECONDS = 60
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


async def test_client_without_cursor(edge: Edge) -> None:
    """Without a cursor the client yields Resync and then each change."""
    ann = await person()
    async with listening(edge, ann) as inbox:
        assert await some(inbox, 1) == [Resync("0", 0, 0, "NOT_RESUMED", unseen=0)]
        await filled(ann.pk, 3)
        changes = await some(inbox, 3)
        assert [item.seq for item in changes] == [1, 2, 3]
        assert isinstance(changes[0], Change)
        assert changes[0].frame["notificationType"] == "TEST"
        assert inbox.cursor == Cursor("0", 3)


async def test_client_after_edge_killed(db: None, valkey: str) -> None:
    """After the edge was killed the client resumes from its cursor."""
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


async def test_client_with_former_epoch(edge: Edge) -> None:
    """With a cursor of a former epoch the client yields Resync."""
    ann = await person()
    await filled(ann.pk, 2)
    await Epoch.objects.acreate(value="restored")
    async with listening(edge, ann, Cursor("0", 1)) as inbox:
        told = await some(inbox, 2)
        assert told[0] == Resync("restored", 2, 2, "NOT_RESUMED", unseen=2)
        assert inbox.cursor == Cursor("restored", 2)
    await Epoch.objects.all().adelete()


async def test_client_of_revoked_user(edge: Edge) -> None:
    """Revoked access raises AccessEnded."""
    ann = await person()
    async with listening(edge, ann) as inbox:
        await some(inbox, 1)
        await sync_to_async(revocation.revoke)(ann.pk)
        with pytest.raises(AccessEnded, match="revoked"):
            await some(inbox, 1)


async def test_client_with_refused_tokens(edge: Edge) -> None:
    """After several refused tokens the client raises AccessEnded."""
    asked = 0

    async def get_token() -> str | None:
        nonlocal asked
        asked += 1
        return None if asked == 1 else "nonsense"  # the first call returns None

    async with InboxClient(edge.url, get_token, backoff=(0.01,)) as inbox:
        with pytest.raises(AccessEnded, match="refused"):
            await some(inbox, 1)
    assert asked == 4


async def test_client_refreshes_token(db: None, valkey: str) -> None:
    """The client sends a new token on the open connection if it is asked for one."""
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
