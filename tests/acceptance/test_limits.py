"""Limits of one client, one user and one address at an edge: real Daphne, real sockets."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from asgiref.sync import sync_to_async

from clarion.pipeline.publish import publish_frames
from clarion.shared import protocol
from clarion.shared.channel_layer import channel_layer
from clarion.shared.groups import user_group
from clarion.shared.inbox.models import Inbox
from clarion.shared.messages import REVOKED
from clarion.shared.protocol import SUBPROTOCOL, Close
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import filled, person, until
from tests.client import connected, opened
from tests.processes import Edge
from tests.raw import RawSocket

pytestmark = pytest.mark.django_db(transaction=True)

CREDIT_FRAMES = 80
MIB = 2**20


LIMITS = {
    "CLARION_CREDIT_FRAMES": str(CREDIT_FRAMES),
    "CLARION_CONNECTIONS_PER_USER": "2",
    "CLARION_CONNECTIONS_PER_ADDRESS": "600",
    "CLARION_PARKED_SECONDS": "3",
    "CLARION_QUIET_LOSS_SECONDS": "1",
    "CLARION_MESSAGES_PER_MINUTE": "1000",
}


@pytest.fixture(scope="module")
def strict(django_db_setup: None) -> Iterator[Edge]:
    """An edge with small limits."""
    with Edge("limits", **LIMITS, **on_test_database()) as process:
        yield process


@pytest.fixture
def unaware(django_db_setup: None) -> Iterator[Edge]:
    """The same, which never compares with Postgres: for frames that Postgres does not have."""
    with Edge("unaware", **LIMITS | {"CLARION_QUIET_LOSS_SECONDS": "1000"}, **on_test_database()) as process:
        yield process


async def test_acknowledging_client(strict: Edge) -> None:
    """A client that acknowledges gets any number of changes, in order."""
    ann = await person()
    async with connected(strict.url, ann) as client:
        await filled(ann.pk, 700)
        assert await client.all_changes(700) == list(range(1, 701))
        await client.nothing_came()


async def test_parked_until_acknowledgement(strict: Edge) -> None:
    """A client that stops acknowledging is parked, and continues after an acknowledgement."""
    ann = await person()
    async with connected(strict.url, ann) as client:
        await filled(ann.pk, 1)
        await client.changes(1)
        await client.say(type="ack", seq=1)
        await client.nothing_came()
        await filled(ann.pk, 300, first=2)
        seqs = [frame["seq"] for frame in await client.changes(CREDIT_FRAMES)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.connection.recv(), 0.5)
        await client.say(type="ack", seq=seqs[-1])
        assert seqs + await client.all_changes(300 - len(seqs)) == list(range(2, 302))


async def test_reading_client_without_acks(strict: Edge) -> None:
    """A client that never acknowledges but reads gets all changes."""
    ann = await person()
    async with connected(strict.url, ann) as client:
        await filled(ann.pk, 300)
        assert [frame["seq"] for frame in await client.changes(300)] == list(range(1, 301))
        await client.nothing_came()


async def test_unreading_client_closed(strict: Edge) -> None:
    """A client that neither acknowledges nor reads is closed, and can resume."""
    ann = await person()
    token, _ = mint(ann.pk, get_settings())
    parked = strict.metric("clarion_edge_parked_total")
    async with RawSocket.unread(strict.port, token=token) as raw:
        for number in range(20):
            await filled(ann.pk, 20, first=number * 20 + 1, size=16_000)
        await until(lambda: strict.metric("clarion_edge_parked_total") > parked, "it is not parked")
        await until(lambda: strict.metric("clarion_edge_sockets") == 0, "it was not closed")
        raw.transport.resume_reading()
        assert await raw.closed() in (Close.TOO_SLOW, None)
    async with connected(strict.url, ann, since=0) as client:
        assert await client.all_changes(400) == list(range(1, 401))


async def test_memory_of_unreading_clients(unaware: Edge) -> None:
    """Clients that do not read cost a bounded amount of memory."""
    assert unaware.popen is not None
    process = psutil.Process(unaware.popen.pid)
    people = [await person() for _ in range(250)]
    ann = await person()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(unaware.url, one)) for one in people for _ in range(2)]
        probe = await stack.enter_async_context(connected(unaware.url, ann))
        for client in clients:
            client.connection.transport.pause_reading()
            stack.callback(client.connection.transport.abort)
        before = process.memory_info().rss
        frame = "x" * 2000
        costs: list[float] = []
        for number in range(0, 1000, 20):  # less at a time than Redis lets wait for one subscriber
            seqs = range(number + 1, number + 21)
            await sync_to_async(publish_frames)([(one.pk, seq, frame) for seq in seqs for one in people])
            # All of it has been received when a frame that was published after it is forwarded.
            await sync_to_async(publish_frames)([(ann.pk, len(costs) + 1, protocol.deleted(len(costs) + 1, 0, 1))])
            await probe.changes(1)
            await probe.say(type="ack", seq=len(costs) + 1)
            costs.append((process.memory_info().rss - before) / MIB)
        published = len(clients) * 1000 * len(frame) / MIB
    told = f"{[round(cost) for cost in costs]} MiB for {len(clients)} sockets that were published {published:.0f} MiB"
    assert published > 900
    # The credit of all of them is 20 MiB, most of which lies in the buffers of the system.
    assert max(costs) < 32, told
    assert costs[-1] < costs[len(costs) // 2] + 8, told


async def test_false_acknowledgements(strict: Edge) -> None:
    """A client that acknowledges unread frames is parked and closed all the same."""
    assert strict.popen is not None
    process = psutil.Process(strict.popen.pid)
    ann, ben = await person(), await person()
    async with connected(strict.url, ann) as liar, connected(strict.url, ben) as probe:
        liar.connection.transport.pause_reading()
        before = process.memory_info().rss
        parked = strict.metric("clarion_edge_parked_total")
        for seq in range(1, 201):  # 40 MB
            await sync_to_async(publish_frames)([(ann.pk, seq, "x" * 200_000)])
            await sync_to_async(publish_frames)([(ben.pk, seq, protocol.deleted(seq, 0, 1))])
            await probe.changes(1)
            await probe.say(type="ack", seq=seq)
            await liar.say(type="ack", seq=seq)
        assert process.memory_info().rss - before < 16 * MIB
        assert strict.metric("clarion_edge_parked_total") > parked
        await until(lambda: strict.metric("clarion_edge_sockets") == 1, "it was not closed")
        liar.connection.transport.abort()


async def test_socket_limit_per_user(strict: Edge) -> None:
    """One socket beyond the limit of a user closes the quietest one."""
    ann, ben = await person(), await person()
    async with (
        connected(strict.url, ann) as quiet,
        connected(strict.url, ann) as lively,
        connected(strict.url, ben) as other,
    ):
        await quiet.nothing_came()
        await lively.nothing_came()
        async with connected(strict.url, ann) as third:
            frame = await quiet.next()
            assert (frame["type"], frame["retry_after_seconds"]) == ("RATE_LIMITED", 60)
            assert await quiet.closed() == Close.TOO_MANY
            for client in (lively, third, other):
                await client.nothing_came()
    gone = "clarion_edge_sockets"
    await until(lambda: strict.metric(gone) == 0, "the sockets were not forgotten")
    async with connected(strict.url, ann) as client:
        await client.nothing_came()
    assert strict.metric("clarion_edge_refused_total") >= 1


async def test_vanished_sockets_and_limit(strict: Edge) -> None:
    """Vanished sockets do not prevent their user from connecting."""
    ann = await person()
    token, _ = mint(ann.pk, get_settings())
    vanished = [await RawSocket.open(strict.port, token=token) for _ in range(2)]
    for raw in vanished:
        await raw.receive()  # and from now on says and answers nothing
    async with connected(strict.url, ann) as one, connected(strict.url, ann) as other:
        await one.nothing_came()
        await other.nothing_came()
    for raw in vanished:
        assert await raw.closed() == Close.TOO_MANY
        raw.abort()


@pytest.mark.parametrize("limit", ["CLARION_CONNECTIONS_PER_ADDRESS", "CLARION_CONNECTS_PER_MINUTE"])
async def test_limits_per_address(db: None, valkey: str, limit: str) -> None:
    """An address has a maximum of sockets, and of connects per minute."""
    people = [await person() for _ in range(3)]
    with Edge("crowded", **{limit: "2"}, **await sync_to_async(on_test_database)()) as edge:
        async with connected(edge.url, people[0]), connected(edge.url, people[1]):
            token, _ = mint(people[2].pk, get_settings())
            async with opened(edge.url, subprotocols=[SUBPROTOCOL, f"bearer.{token}"]) as client:
                frame = await client.next()
                assert (frame["type"], frame["retry_after_seconds"] > 0) == ("RATE_LIMITED", True)
                assert await client.closed() == Close.TOO_MANY
        assert edge.metric("clarion_edge_refused_total") == 1


@pytest.mark.parametrize("how", ["deactivated", "deleted", "logged out everywhere"])
async def test_silently_lost_access(strict: Edge, how: str) -> None:
    """A user that lost access without a signal is disconnected at the next position check."""
    ann, ben = await person(), await person()
    async with connected(strict.url, ann) as anns, connected(strict.url, ben) as bens:
        if how == "deactivated":
            await type(ann).objects.filter(pk=ann.pk).aupdate(is_active=False)
        elif how == "deleted":
            await type(ann).objects.filter(pk=ann.pk).adelete()
        else:
            await Inbox.objects.acreate(user_id=ann.pk, not_before=datetime.now(UTC) + timedelta(minutes=1))
        assert await anns.next() == {"type": "AUTH_FAILED", "reason": "REVOKED"}
        assert await anns.closed() == Close.REVOKED
        await bens.nothing_came()


async def test_revoked_user_closed_within_a_second(strict: Edge) -> None:
    """A revoked user is disconnected within a second."""
    ann, ben = await person(), await person()
    async with connected(strict.url, ann) as anns, connected(strict.url, ben) as bens:
        begun = time.monotonic()
        await sync_to_async(channel_layer().publish)([(user_group(ann.pk), {"type": REVOKED})])
        assert await anns.next() == {"type": "AUTH_FAILED", "reason": "REVOKED"}
        assert await anns.closed() == Close.REVOKED
        assert time.monotonic() - begun < 1
        await bens.nothing_came()


async def test_old_socket_needs_new_token(db: None, valkey: str) -> None:
    """An old socket gets AUTH_REFRESH_REQUIRED."""
    with Edge("aged", CLARION_SOCKET_AGE_SECONDS="1", **await sync_to_async(on_test_database)()) as edge:
        async with connected(edge.url, await person()) as client:
            assert (await client.next())["type"] == "AUTH_REFRESH_REQUIRED"


async def test_limits_behind_trusted_proxy(db: None, valkey: str) -> None:
    """Behind a trusted proxy each client has its own limits."""
    env = {"CLARION_CONNECTS_PER_MINUTE": "3", "CLARION_TRUSTED_PROXIES": "1"}
    with Edge("proxied", **env, **await sync_to_async(on_test_database)()) as edge:
        ann = await person()
        stranger = {"additional_headers": {"X-Forwarded-For": "6.6.6.6"}}
        answers = []
        for _ in range(5):
            async with opened(edge.url, **stranger) as client:
                answers.append((await client.next())["type"])
        assert answers == ["AUTH_FAILED"] * 3 + ["RATE_LIMITED"] * 2
        forged = {"X-Forwarded-For": "6.6.6.6, 1.2.3.4"}
        async with connected(edge.url, ann, additional_headers=forged) as client:
            await client.nothing_came()


async def test_repeated_refusal_delayed(db: None, valkey: str) -> None:
    """A repeated refusal is answered with a delay."""
    env = {"CLARION_REFUSAL_DELAY_SECONDS": "1"} | await sync_to_async(on_test_database)()
    with Edge("patient", **env) as edge:
        ann = await person()

        async def waited(token: str) -> float:
            begun = time.monotonic()
            async with opened(f"{edge.url}?token={token}") as client:
                assert (await client.next())["type"] == "AUTH_FAILED"
            return time.monotonic() - begun

        waits = [await waited("bad") for _ in range(5)]
        assert max(waits[:3]) < 1 <= min(waits[3:])
        assert await waited("other") < 1
        async with connected(edge.url, ann) as client:
            await client.nothing_came()
