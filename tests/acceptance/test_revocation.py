"""The end of access: users, sessions and passwords that end, on real Daphne with real sockets."""

import time

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.test import Client as DjangoClient

from clarion.pipeline import revocation
from clarion.shared import tickets
from clarion.shared.channel_layer import channel_layer
from clarion.shared.protocol import Close
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from tests.acceptance.credentials import refused, signed_in, token
from tests.acceptance.steps import person
from tests.client import connected, opened
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)


async def test_session_after_new_password(edge: Edge) -> None:
    """A new password ends the sessions from before."""
    ann = await person()
    cookie = await signed_in(ann)
    ann.set_password("another")
    await ann.asave()
    own = f"http://127.0.0.1:{edge.port}"
    assert await refused(edge.url, origin=own, additional_headers={"Cookie": cookie}) == ("MISSING", Close.NO_TOKEN)


@pytest.mark.parametrize("how", ["deactivated", "deleted"])
async def test_deactivated_user(edge: Edge, valkey: str, how: str) -> None:
    """Deactivating or deleting a user closes their sockets within a second."""
    ann, ben = await person(), await person()
    async with connected(edge.url, ann) as anns, connected(edge.url, ben) as bens:
        begun = time.monotonic()
        if how == "deleted":
            await ann.adelete()
        else:
            ann.is_active = False
            await ann.asave()
        assert await anns.next() == {"type": "AUTH_FAILED", "reason": "REVOKED"}
        assert await anns.closed() == Close.REVOKED
        assert time.monotonic() - begun < 1
        await bens.nothing_came()


async def test_log_out_everywhere_with_socket(edge: Edge, valkey: str) -> None:
    """Logging out everywhere closes the sockets and revokes earlier tokens."""
    ann = await person()
    before, _ = mint(ann.pk, get_settings())
    async with connected(edge.url, ann) as client:
        begun = time.monotonic()
        await sync_to_async(revocation.revoke)(ann.pk)
        assert await client.next() == {"type": "AUTH_FAILED", "reason": "REVOKED"}
        assert await client.closed() == Close.REVOKED
        assert time.monotonic() - begun < 1
    assert await refused(f"{edge.url}?token={before}") == ("REVOKED", Close.REVOKED)
    async with connected(edge.url, ann) as client:
        await client.say(type="AUTH", token=before)
        assert await client.next() == {"type": "AUTH_FAILED", "reason": "REVOKED"}
    assert await refused(f"{edge.url}?token={token(ann)}") == ("REVOKED", Close.REVOKED)  # which says no `iat`
    async with connected(edge.url, ann) as client:
        await client.nothing_came()


async def test_ticket_before_log_out_everywhere(edge: Edge, valkey: str) -> None:
    """A ticket from before logging out everywhere is refused."""
    ann = await person()
    before = await sync_to_async(tickets.issue)(channel_layer(), ann.pk)
    await sync_to_async(revocation.revoke)(ann.pk)
    assert await refused(f"{edge.url}?token={before}") == ("REVOKED", Close.REVOKED)
    after = await sync_to_async(tickets.issue)(channel_layer(), ann.pk)
    async with opened(f"{edge.url}?token={after}") as client:
        assert (await client.next())["type"] == "CONNECTED"


async def test_new_password(edge: Edge, valkey: str) -> None:
    """A new password revokes tokens and tickets and closes sockets as expired."""
    ann = await person()
    token_before, _ = mint(ann.pk, get_settings())
    ticket_before = await sync_to_async(tickets.issue)(channel_layer(), ann.pk)
    async with connected(edge.url, ann) as client:
        begun = time.monotonic()
        ann.set_password("another")
        await ann.asave()
        assert await client.next() == {"type": "AUTH_FAILED", "reason": "EXPIRED"}
        assert await client.closed() == Close.NO_TOKEN
        assert time.monotonic() - begun < 1
    for before in (token_before, ticket_before):
        assert await refused(f"{edge.url}?token={before}") == ("REVOKED", Close.REVOKED)
    async with connected(edge.url, ann) as client:
        ann.email = "new@example.org"
        await ann.asave()  # of the same password
        await client.nothing_came()


@pytest.mark.parametrize("way", ["cookie", "token", "ticket"])
async def test_sign_out_closes_sockets(edge: Edge, valkey: str, way: str) -> None:
    """Signing out closes the sockets of that session within a second, and no others."""
    ann = await person()
    browser, other = DjangoClient(), DjangoClient()

    def sign_in() -> str:
        for one in (browser, other):
            one.force_login(ann)
        key = browser.cookies["sessionid"].value
        match way:
            case "token":
                return str(browser.post("/api/token").json()["token"])
            case "ticket":
                return str(browser.post("/api/socket-ticket").json()["ticket"])
        return str(key)

    offered = await sync_to_async(sign_in)()
    own = {"origin": f"http://127.0.0.1:{edge.port}", "additional_headers": {"Cookie": f"sessionid={offered}"}}
    options = own if way == "cookie" else {"subprotocols": [f"bearer.{offered}"]}
    async with opened(edge.url, **options) as client, connected(edge.url, ann) as elsewhere:
        assert (await client.next())["type"] == "CONNECTED"
        await sync_to_async(other.logout)()  # of another browser
        await client.nothing_came()
        begun = time.monotonic()
        await sync_to_async(browser.logout)()
        assert await client.next() == {"type": "AUTH_FAILED", "reason": "EXPIRED"}
        assert await client.closed() == Close.NO_TOKEN
        assert time.monotonic() - begun < 1
        await elsewhere.nothing_came()


async def test_silently_ended_session(edge: Edge, valkey: str) -> None:
    """A session deleted without a signal closes its sockets at the next position check."""
    ann = await person()
    cookie = await signed_in(ann)
    own = f"http://127.0.0.1:{edge.port}"
    async with opened(edge.url, origin=own, additional_headers={"Cookie": cookie}) as client:
        assert (await client.next())["type"] == "CONNECTED"
        await Session.objects.all().adelete()
        assert await client.next() == {"type": "AUTH_FAILED", "reason": "EXPIRED"}


async def test_deleted_or_inactive_user(edge: Edge) -> None:
    """A token of a deleted or inactive user is refused."""
    gone, idle = await person(), await person(is_active=False)
    text = token(gone)
    await gone.adelete()
    assert await refused(f"{edge.url}?token={text}") == ("INVALID", Close.BAD_TOKEN)
    assert await refused(f"{edge.url}?token={token(idle)}") == ("REVOKED", Close.REVOKED)
