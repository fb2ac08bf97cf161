"""Tokens of an identity provider open sockets: real Daphne, real sockets, a real JWKS document over HTTP."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from clarion.pipeline import revocation
from clarion.pipeline.publish import publish_frames
from clarion.shared import protocol
from clarion.shared.protocol import SUBPROTOCOL
from tests.acceptance.conftest import on_test_database
from tests.acceptance.credentials import refused
from tests.acceptance.credentials import token as own_token
from tests.acceptance.steps import filled, person
from tests.client import Client, opened
from tests.processes import Edge
from tests.provider import AUDIENCE, ISSUER, Provider, provider, rsa_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def login() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture(scope="module")
def trusting(django_db_setup: None, login: Provider) -> Iterator[Edge]:
    """An edge that trusts the provider, which knows people by their e-mail addresses."""
    known = {
        "CLARION_JWKS_URL": login.url,
        "CLARION_JWKS_ISSUER": ISSUER,
        "CLARION_JWKS_AUDIENCE": AUDIENCE,
        "CLARION_JWKS_USER_CLAIM": "email",
        "CLARION_JWKS_USER_COLUMN": "email",
    }
    with Edge("trusting", CLARION_QUIET_LOSS_SECONDS="1", **known, **on_test_database()) as process:
        yield process


def offered(token: str) -> dict[str, list[str]]:
    return {"subprotocols": [SUBPROTOCOL, f"bearer.{token}"]}


async def greeted(client: Client, user: User) -> None:
    frame = await client.next()
    assert (frame["type"], frame.get("user_id")) == ("CONNECTED", str(user.pk)), frame


async def test_provider_claim_and_column(trusting: Edge, login: Provider) -> None:
    """A provider's token opens the inbox of the user with the claim in the column."""
    ann = await person(email="ann@forum.example")
    await person(email="ben@forum.example")
    await filled(ann.pk, 3)
    url = f"{trusting.url}?since=1&epoch=0"
    async with opened(url, **offered(login.token(email="ann@forum.example"))) as client:
        await greeted(client, ann)
        assert [frame["seq"] for frame in await client.changes(2)] == [2, 3]
        await sync_to_async(publish_frames)([(ann.pk, 4, protocol.deleted(4, 0, 4))])
        assert (await client.changes(1))[0]["seq"] == 4
    async with opened(trusting.url, **offered(await sync_to_async(own_token)(ann))) as client:
        await greeted(client, ann)  # ours go on


async def test_unknown_or_ambiguous_claim(trusting: Edge, login: Provider) -> None:
    """A claim that matches no user or several users is refused."""
    await person(email="twins@forum.example")
    await person(email="twins@forum.example")
    for email in ("nobody@forum.example", "twins@forum.example", "' OR true --"):
        token = login.token(email=email)
        assert await refused(trusting.url, **offered(token)) == ("INVALID", 4002)


async def test_provider_token_of_revoked_user(trusting: Edge, login: Provider) -> None:
    """A provider's token of an inactive or revoked user is refused."""
    ann = await person(email="gone@forum.example", is_active=False)
    assert await refused(trusting.url, **offered(login.token(email=ann.email))) == ("REVOKED", 4003)
    ben = await person(email="out@forum.example")
    token = login.token(email=ben.email)
    async with opened(trusting.url, **offered(token)) as client:
        await greeted(client, ben)
        await sync_to_async(revocation.revoke)(ben.pk)
        assert (await client.next())["reason"] == "REVOKED"
    assert await refused(trusting.url, **offered(token)) == ("REVOKED", 4003)


async def test_token_refresh_with_provider(trusting: Edge, login: Provider) -> None:
    """AUTH accepts a provider's token of the same user only."""
    ann, ben = await person(email="ann2@forum.example"), await person(email="ben2@forum.example")
    async with opened(trusting.url, **offered(await sync_to_async(own_token)(ann))) as client:
        await greeted(client, ann)
        await client.say(type="AUTH", token=login.token(email=ann.email))
        assert (await client.next())["type"] == "AUTH_OK"
        await client.say(type="AUTH", token=login.token(email=ben.email))
        assert await client.next() == {"type": "AUTH_FAILED", "reason": "USER_MISMATCH"}
        assert await client.closed() == 4002


async def test_invented_key_ids(trusting: Edge, login: Provider) -> None:
    """Invented key ids cause at most one fetch, and known keys work during an outage."""
    ann = await person(email="ann3@forum.example")
    async with opened(trusting.url, **offered(login.token(email=ann.email))) as client:
        await greeted(client, ann)
    before = login.asked
    login.keys["unheard-of"] = rsa_key()
    token = login.token("unheard-of", email=ann.email)
    del login.keys["unheard-of"]
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(opened(trusting.url, **offered(token))) for _ in range(100)]
        for client in clients:
            frame = await client.next()  # between two fetches it is unknown whether the key is new
            assert frame.get("reason") == "INVALID" or frame["type"] == "GOING_AWAY"
    assert login.asked - before <= 1
    login.broken = True  # and a provider that is away does not stop users with a known key
    try:
        good = offered(login.token(email=ann.email))
        async with asyncio.timeout(2), opened(trusting.url, **good) as client:
            await greeted(client, ann)
    finally:
        login.broken = False
    assert login.token(email=ann.email)[:20] not in trusting.said()
