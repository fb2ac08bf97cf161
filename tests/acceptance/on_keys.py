"""Sockets of users whose keys are UUIDs or texts; run by test_other_keys.py, once with each type."""

import json
import os
import time
import uuid
from typing import Any

import jwt
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from clarion.pipeline import presence
from clarion.pipeline.inbox.rekey import rekey
from clarion.shared import database, tickets
from clarion.shared import settings as settings_module
from clarion.shared.channel_layer import channel_layer
from clarion.shared.edge_settings import edge_settings
from clarion.shared.inbox.models import Person
from clarion.shared.protocol import Close
from clarion.shared.settings import get_settings
from tests import environment
from tests.acceptance.credentials import refused, signed_in, token
from tests.acceptance.steps import all_done, person, post, thread
from tests.client import connected, opened
from tests.keys.models import text_key
from tests.processes import Edge, Worker

pytestmark = pytest.mark.django_db(transaction=True)

MALFORMED: list[Any] = [7, True, None, "", "a\x00b", "\ud800", "x" * 300, {"a": 1}, ["x"]]
if environment.KEY == "uuid":
    MALFORMED += ["7", "{5b0d6c2e-0f4c-4f6e-9c53-2d1f0a8d9a11}", "5b0d6c2e-0f4c-4f6e-9c53-2d1f0a8d9a1g"]


async def test_first_notification_is_live(worker: Worker, edge: Edge) -> None:
    """A user who connects before their first notification receives it live."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with connected(edge.url, ann) as client:
        assert client.frames[0]["user_id"] == str(ann.pk)
        assert not await Person.objects.aexists()
        assert await sync_to_async(presence.connected)([ann.pk, ben.pk]) == {ann.pk}
        begun = time.monotonic()
        message = await post(place, ben, "Hello.")
        (frame,) = await client.changes(1)
        assert (frame["seq"], frame["actor"]["id"], frame["messageId"]) == (1, str(ben.pk), str(message.pk))
        assert time.monotonic() - begun < 5
    await all_done()
    async with connected(edge.url, ann, since=0) as again:
        assert (again.frames[0]["resumed"], again.frames[0]["seq"]) == (True, 1)
        assert (await again.changes(1))[0]["actor"]["id"] == str(ben.pk)


@pytest.mark.parametrize("sub", MALFORMED, ids=repr)
async def test_malformed_subject(edge: Edge, sub: Any) -> None:
    """A malformed `sub` is AUTH_FAILED INVALID, and the edge stays ready."""
    claims = {"sub": sub, "exp": time.time() + 600, "aud": get_settings().jwt_audience}
    # Signed as it is, because `jwt.encode` refuses most of these.
    text = jwt.api_jws.encode(json.dumps(claims).encode(), get_settings().signing_keys[0], algorithm="HS256")
    assert await refused(f"{edge.url}?token={text}") == ("INVALID", Close.BAD_TOKEN)
    assert (await sync_to_async(edge.http)("/readyz")).json()["ready"] is True


async def test_unknown_subject(edge: Edge) -> None:
    """A well-formed key of no user is AUTH_FAILED INVALID."""
    ann = await person()
    unknown = User(id=uuid.uuid4() if environment.KEY == "uuid" else text_key())
    assert await refused(f"{edge.url}?token={token(unknown)}") == ("INVALID", Close.BAD_TOKEN)
    other = User(id=str(ann.pk).swapcase())
    if environment.KEY == "text":
        assert await refused(f"{edge.url}?token={token(other)}") == ("INVALID", Close.BAD_TOKEN)
    else:
        async with opened(f"{edge.url}?token={token(other)}") as client:
            assert (await client.next())["user_id"] == str(ann.pk)


async def test_ticket_of_another_type(edge: Edge, valkey: str) -> None:
    """A ticket with a malformed key is refused."""
    ticket = await sync_to_async(tickets.issue)(channel_layer(), "" if environment.KEY == "text" else 7)
    assert await refused(f"{edge.url}?token={ticket}") == ("INVALID", Close.BAD_TOKEN)


async def test_session_with_malformed_key(edge: Edge) -> None:
    """A session whose user has a malformed key opens no socket."""
    ann = await person()
    cookie = await signed_in(ann)
    own = f"http://127.0.0.1:{edge.port}"

    def spoil() -> None:
        session = SessionStore(cookie.rpartition("=")[2])
        session["_auth_user_id"] = "" if environment.KEY == "text" else "7"
        session.save()

    async with opened(edge.url, origin=own, additional_headers={"Cookie": cookie}) as client:
        assert (await client.next())["user_id"] == str(ann.pk)
    await sync_to_async(spoil)()
    assert await refused(edge.url, origin=own, additional_headers={"Cookie": cookie}) == ("MISSING", Close.NO_TOKEN)


async def test_sockets_after_rekey(worker: Worker, edge: Edge) -> None:
    """A new key closes the sockets of the old one, and the inbox goes on with the same seqs."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    new = uuid.uuid4() if environment.KEY == "uuid" else text_key()
    async with connected(edge.url, ann) as client:
        await post(place, ben)
        await client.changes(1)
        await all_done()

        def change() -> None:
            old = ann.pk
            copy = User.objects.get(pk=old)
            copy.pk, copy.username = new, "ann-renamed"
            copy.save(force_insert=True)
            place.author_id = new
            place.save()
            rekey(old, new)

        await sync_to_async(change)()
        assert await client.next() == {"type": "AUTH_FAILED", "reason": "EXPIRED"}
    renamed = await User.objects.aget(pk=new)
    async with connected(edge.url, renamed, since=1, epoch=client.frames[0]["epoch"]) as client:
        assert (client.frames[0]["resumed"], client.frames[0]["seq"]) == (True, 1)
        await post(place, ben)
        assert (await client.changes(1))[0]["seq"] == 2


def test_settings_of_mounted_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edge in the project's own application knows the user model without a variable."""
    for name in [name for name in os.environ if name.startswith("CLARION_USER")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(settings_module, "_settings", None)
    found = edge_settings()
    assert (found.user_key, found.user_table, found.user_id_column) == (environment.KEY, "auth_user", "id")
    assert found.conninfo == database.parse(database.to_url(connection.settings_dict)).conninfo
