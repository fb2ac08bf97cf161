"""Access to a socket: credentials, refusals and renewal, on real Daphne with real sockets."""

import time
from typing import Any

import jwt
import pytest
from asgiref.sync import sync_to_async

from clarion.pipeline.persons import key_of
from clarion.pipeline.publish import publish_frames
from clarion.shared import protocol, tickets
from clarion.shared.channel_layer import channel_layer
from clarion.shared.protocol import SUBPROTOCOL, Close
from tests.acceptance.conftest import on_test_database
from tests.acceptance.credentials import refused, signed_in, token
from tests.acceptance.steps import person
from tests.client import connected, opened
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_ticket_used_once(edge: Edge, valkey: str) -> None:
    """A ticket opens one socket, once."""
    ann = await person()
    ticket = await sync_to_async(tickets.issue)(channel_layer(), ann.pk)
    async with opened(f"{edge.url}?token={ticket}") as client:
        assert (await client.next())["user_id"] == str(ann.pk)
    for used_or_made_up in (ticket, "ticket-made-up", "ticket-"):
        assert await refused(f"{edge.url}?token={used_or_made_up}") == ("INVALID", Close.BAD_TOKEN)


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
