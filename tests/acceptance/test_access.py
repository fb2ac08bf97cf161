"""Access to a socket: credentials, refusals, revocation and renewal, on real Daphne with real sockets."""

import time
from typing import Any

import jwt
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client as DjangoClient

from clarion.pipeline import revocation
from clarion.pipeline.persons import key_of
from clarion.pipeline.publish import publish_frames
from clarion.shared import protocol, tickets
from clarion.shared.channel_layer import channel_layer
from clarion.shared.protocol import SUBPROTOCOL, Close
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import person
from tests.client import connected, opened
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)


def token(user: User, **claims: Any) -> str:
    payload = {"sub": str(user.pk), "exp": time.time() + 600, "aud": get_settings().jwt_audience} | claims
    return jwt.encode(payload, get_settings().signing_keys[0], algorithm="HS256")


async def refused(url: str, **options: Any) -> tuple[str, int | None]:
    """The reason of the AUTH_FAILED that was the first frame, and the close code."""
    async with opened(url, **options) as client:
        frame = await client.next()
        assert frame["type"] == "AUTH_FAILED", frame
        return frame["reason"], await client.closed()


@sync_to_async
def signed_in(user: User) -> str:
    browser = DjangoClient()
    browser.force_login(user)
    return f"theme=dark; sessionid={browser.cookies['sessionid'].value}"


async def test_token_locations(edge: Edge) -> None:
    """A token is read from the subprotocol, the header or the query, in this order."""
    ann, ben = await person(), await person()
    good, other = token(ann), token(ben)
    ways: list[tuple[str, dict[str, Any]]] = [
        ("", {"subprotocols": [SUBPROTOCOL, f"bearer.{good}"]}),
        ("", {"additional_headers": {"Authorization": f"Bearer {good}"}}),
        (f"?token={good}", {}),
        (f"?token={other}", {"additional_headers": {"Authorization": f"bearer {good}"}}),
        ("?token=bad", {"subprotocols": [f"bearer.{good}", SUBPROTOCOL]}),
    ]
    for query, options in ways:
        async with opened(edge.url + query, **options) as client:
            frame = await client.next()
            assert (frame["type"], frame["user_id"]) == ("CONNECTED", str(ann.pk))
            expected = SUBPROTOCOL if SUBPROTOCOL in options.get("subprotocols", ()) else None
            assert client.connection.subprotocol == expected


async def test_configured_subprotocol(db: None, valkey: str) -> None:
    """A token after a configured subprotocol opens a socket, which confirms it by AUTH_OK."""
    env = {"CLARION_JWT_SUBPROTOCOLS": "forum.jwt.v1, other.v2"} | await sync_to_async(on_test_database)()
    with Edge("announced", **env) as edge:
        ann = await person()
        async with opened(edge.url, subprotocols=["forum.jwt.v1", token(ann)]) as client:
            assert client.connection.subprotocol == "forum.jwt.v1"
            assert (await client.next())["type"] == "CONNECTED"
            confirmed = {"type": "AUTH_OK", "user_id": str(ann.pk), "username": ann.username, "refreshed": False}
            assert await client.next() == confirmed
            await client.nothing_came()
        refusals = [["forum.jwt.v1", "x"], ["forum.jwt.v1"], ["unknown.v1", token(ann)]]
        assert [await refused(edge.url, subprotocols=offered) for offered in refusals] == [
            ("INVALID", Close.BAD_TOKEN),
            ("MISSING", Close.NO_TOKEN),
            ("MISSING", Close.NO_TOKEN),
        ]


async def test_session_cookie_and_origin(edge: Edge) -> None:
    """The session cookie opens a socket from an allowed origin only."""
    ann = await person()
    cookie = await signed_in(ann)
    own = f"http://127.0.0.1:{edge.port}"
    async with opened(edge.url, origin=own, additional_headers={"Cookie": cookie}) as client:
        assert (await client.next())["user_id"] == str(ann.pk)
    for origin in (
        None,
        "null",
        "http://evil.example",
        f"http://127.0.0.1.evil.example:{edge.port}",
        "http://127.0.0.1:1",
    ):
        forged = {"origin": origin, "additional_headers": {"Cookie": cookie}}
        assert await refused(edge.url, **forged) == ("MISSING", Close.NO_TOKEN)
    for bad in ("sessionid=made-up", "sessionid=", "x", cookie[:-2], 'sessionid="\\'):
        assert await refused(edge.url, origin=own, additional_headers={"Cookie": bad}) == ("MISSING", Close.NO_TOKEN)


async def test_session_after_new_password(edge: Edge) -> None:
    """A new password ends the sessions from before."""
    ann = await person()
    cookie = await signed_in(ann)
    ann.set_password("another")
    await ann.asave()
    own = f"http://127.0.0.1:{edge.port}"
    assert await refused(edge.url, origin=own, additional_headers={"Cookie": cookie}) == ("MISSING", Close.NO_TOKEN)


async def test_ticket_used_once(edge: Edge, valkey: str) -> None:
    """A ticket opens one socket, once."""
    ann = await person()
    ticket = await sync_to_async(tickets.issue)(channel_layer(), ann.pk)
    async with opened(f"{edge.url}?token={ticket}") as client:
        assert (await client.next())["user_id"] == str(ann.pk)
    for used_or_made_up in (ticket, "ticket-made-up", "ticket-"):
        assert await refused(f"{edge.url}?token={used_or_made_up}") == ("INVALID", Close.BAD_TOKEN)


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


async def test_refusal_frame_and_close_code(edge: Edge) -> None:
    """A refusal is sent as a frame and a close code, so that a browser can see it."""
    ann = await person()
    assert await refused(edge.url) == ("MISSING", Close.NO_TOKEN)
    assert await refused(f"{edge.url}?token={token(ann, exp=time.time() - 60)}") == ("EXPIRED", Close.NO_TOKEN)
    forged = jwt.encode({"sub": "1", "exp": time.time() + 9}, "k" * 32)
    for bad in ("x", token(ann)[:-3] + "abc", forged, "%00", "a" * 3000):
        assert await refused(f"{edge.url}?token={bad}") == ("INVALID", Close.BAD_TOKEN)
    many_fields = "&".join(f"field{number}=1" for number in range(50))
    assert await refused(f"{edge.url}?token={token(ann)}&{many_fields}") == ("MISSING", Close.NO_TOKEN)
    # A bad token is not made good by another way of giving one.
    good = {"Authorization": f"Bearer {token(ann)}"}
    offered = {"subprotocols": [SUBPROTOCOL, "bearer.x"], "additional_headers": good}
    assert await refused(edge.url, **offered) == ("INVALID", Close.BAD_TOKEN)


async def test_deleted_or_inactive_user(edge: Edge) -> None:
    """A token of a deleted or inactive user is refused."""
    gone, idle = await person(), await person(is_active=False)
    text = token(gone)
    await gone.adelete()
    assert await refused(f"{edge.url}?token={text}") == ("INVALID", Close.BAD_TOKEN)
    assert await refused(f"{edge.url}?token={token(idle)}") == ("REVOKED", Close.REVOKED)


async def test_client_cannot_choose_group_or_user(edge: Edge, valkey: str) -> None:
    """A client cannot choose a group or a user by query or message."""
    ann, ben = await person(), await person()
    forged = f"?token={token(ann)}&user_id={ben.pk}&group=notification_user_{ben.pk}&since=0"
    async with opened(edge.url + forged) as client:
        assert (await client.next())["user_id"] == str(ann.pk)
        for message in (
            {"type": "subscribe", "group": f"notification_user_{ben.pk}"},
            {"type": "notification.frame", "seq": 1, "text": "{}"},
            {"type": "AUTH", "user_id": str(ben.pk)},
            {"type": "ack", "seq": 10**9},
        ):
            await client.say(**message)
        frame = protocol.deleted(1, 0, 1)
        await sync_to_async(publish_frames)([(key_of(ben.pk), 1, frame)])
        await client.nothing_came()


async def test_token_refresh(edge: Edge) -> None:
    """AUTH on an open socket accepts a new token of the same user only."""
    ann, ben = await person(), await person()
    async with connected(edge.url, ann) as client:
        await client.say(type="AUTH", token=token(ann))
        answer = {"type": "AUTH_OK", "user_id": str(ann.pk), "username": ann.username, "refreshed": True}
        assert await client.next() == answer
        await client.say(type="AUTH", token=token(ben))
        assert await client.next() == {"type": "AUTH_FAILED", "reason": "USER_MISMATCH"}
        assert await client.closed() == Close.BAD_TOKEN


async def test_large_token(edge: Edge) -> None:
    """A large token opens a socket and is accepted by AUTH.

    Providers put a user's groups into it.
    """
    ann = await person()
    large = token(ann, groups="g" * 5_900)
    async with opened(edge.url, subprotocols=[SUBPROTOCOL, f"bearer.{large}"]) as client:
        assert (await client.next())["type"] == "CONNECTED"
        await client.say(type="AUTH", token=large)
        assert (await client.next())["type"] == "AUTH_OK"


async def test_token_refresh_required(edge: Edge) -> None:
    """Before its token expires a socket gets AUTH_REFRESH_REQUIRED."""
    ann = await person()
    async with opened(f"{edge.url}?token={token(ann, exp=time.time() + 1)}") as client:
        await client.next()
        frame = await client.next()
        assert (frame["type"], frame["grace_seconds"] > 0) == ("AUTH_REFRESH_REQUIRED", True)
        await client.say(type="AUTH", token=token(ann))
        assert (await client.next())["type"] == "AUTH_OK"


async def test_tokens_not_logged(edge: Edge) -> None:
    """No token appears in the log of the edge."""
    ann = await person()
    good, bad = token(ann), token(ann)[:-4] + "evil"
    async with opened(f"{edge.url}?token={good}") as client:
        await client.next()
        await client.say(type="AUTH", token=bad)
        await client.next()
    await refused(f"{edge.url}?token={bad}")
    said = edge.said()
    for text in (good, bad, good.split(".")[2], "bearer."):
        assert text not in said
