"""Messages of a client, and the life and end of a socket: real Daphne, real sockets."""

import asyncio
import json
import socket
from contextlib import AsyncExitStack

import httpx
import pytest
import websockets
from asgiref.sync import sync_to_async

from clarion.pipeline.persons import key_of
from clarion.pipeline.publish import publish_frames
from clarion.shared import protocol
from clarion.shared.protocol import Close
from clarion.shared.settings import get_settings
from dev.ports import free_port
from tests import environment
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import person, until
from tests.client import connected, opened
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)


async def test_connected_frame(edge: Edge) -> None:
    """CONNECTED contains the user, the epoch, the seq and the unread count."""
    ann = await person()
    async with connected(edge.url, ann) as client:
        frame = client.frames[0]
        assert frame.pop("session_id")
        assert frame == {
            "type": "CONNECTED", "user_id": str(ann.pk), "protocol": 1, "epoch": "0", "seq": 0, "unread": 0,
            "unseen": 0, "heartbeat_seconds": 30, "resumed": False,
        }  # fmt: skip


async def test_ping_and_heartbeat_are_answered(edge: Edge) -> None:
    """`ping` and `heartbeat` are answered."""
    async with connected(edge.url, await person()) as client:
        await client.say(type="ping")
        assert await client.next() == {"type": "pong"}
        await client.say(type="heartbeat")
        assert await client.next() == {"type": "heartbeat_ack", "session_id": client.frames[0]["session_id"]}


@pytest.mark.parametrize(
    "message",
    ["", "{", "null", "[]", "7", '"ping"', '{"type": 7}', '{"type": "nonsense"}', '{"type": null}', "[" * 2000,
     '{"type": "AUTH"}', '{"type": "AUTH", "token": 7}', b"\x00\xff", '{"type":"NOTIFICATION_CREATED","seq":1}'],
)  # fmt: skip
async def test_meaningless_message(edge: Edge, message: str | bytes) -> None:
    """A malformed or unknown message is ignored and counted."""
    before = edge.metric("clarion_edge_messages_ignored_total")
    async with connected(edge.url, await person()) as client:
        await client.connection.send(message)
        await client.nothing_came()
    assert edge.metric("clarion_edge_messages_ignored_total") == before + 1


async def test_too_large_message(edge: Edge) -> None:
    """A message larger than the limit closes the socket."""
    async with connected(edge.url, await person()) as client:
        await client.say(type="ping", padding="x" * (get_settings().message_bytes - 40))
        assert await client.next() == {"type": "pong"}
        await client.say(type="ping", padding="x" * get_settings().message_bytes)
        assert await client.closed() == Close.MESSAGE_TOO_LARGE


async def test_message_flood(edge: Edge) -> None:
    """A client beyond its rate gets RATE_LIMITED and is closed."""
    async with connected(edge.url, await person()) as client:
        for _ in range(get_settings().messages_per_minute + 1):
            await client.connection.send("nonsense")
        frame = await client.next()
        assert (frame["type"], frame["retry_after_seconds"] > 0) == ("RATE_LIMITED", True)
        assert await client.closed() == Close.TOO_MANY


async def test_another_path_is_refused(edge: Edge) -> None:
    """Another path is refused with 403."""
    with pytest.raises(websockets.InvalidStatus) as refusal:
        async with opened(edge.url.replace("notification-updates", "other")):
            pass
    assert refusal.value.response.status_code == 403


async def test_a_silent_socket_is_closed(valkey: str, db: None) -> None:
    """A silent socket is closed, and one with heartbeats stays open."""
    with Edge(
        "strict", CLARION_HEARTBEAT_SECONDS="1", CLARION_SILENT_SECONDS="2", **await sync_to_async(on_test_database)()
    ) as edge:
        ann = await person()
        async with connected(edge.url, ann) as silent, connected(edge.url, ann) as lively:
            for _ in range(8):
                await asyncio.sleep(0.5)  # tests the passing of time
                await lively.say(type="heartbeat")
                assert (await lively.next())["type"] == "heartbeat_ack"
            assert await silent.closed() == Close.SILENT


async def test_stopping_edge(db: None, valkey: str) -> None:
    """A stopping edge sends GOING_AWAY, closes its sockets and exits with 0."""
    env = await sync_to_async(on_test_database)()
    with Edge("leaving", CLARION_DRAIN_SECONDS="2", **env) as edge:
        ann = await person()
        base = f"http://127.0.0.1:{edge.port}"
        async with (
            connected(edge.url, ann) as one,
            connected(edge.url, ann) as other,
            httpx.AsyncClient(base_url=base) as probe,
        ):
            assert (await probe.get("/readyz")).status_code == 200
            ended = asyncio.create_task(asyncio.to_thread(edge.stop))
            frames = [await one.next(), await other.next()]
            for frame in frames:
                assert frame["type"] == "GOING_AWAY"
                assert 0 <= frame["reconnect_after_seconds"] <= 2
            # Connected clients receive that it drains; new ones are refused.
            answer = await probe.get("/readyz")
            assert (answer.status_code, answer.json()["draining"]) == (503, True)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", edge.port)
            for client in (one, other):
                assert await client.closed() == Close.GOING_AWAY
        assert await ended == 0


async def test_edges_with_shared_address(db: None, valkey: str) -> None:
    """When one of two edges on a shared address stops, the other one accepts all connections."""
    env = {"CLARION_DRAIN_SECONDS": "1"} | await sync_to_async(on_test_database)()
    ann = await person()
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100))
        one, _ = (stack.enter_context(Edge(name, listening, **env)) for name in ("one", "two"))
        for _ in range(8):
            await stack.enter_async_context(connected(one.url, ann))
        assert await asyncio.to_thread(one.stop) == 0
        for _ in range(8):  # each is answered by the one that is left, at once
            client = await stack.enter_async_context(connected(one.url, ann))
            await client.nothing_came()


async def test_edge_after_restart_of_channel_layer(edge: Edge, valkey: str) -> None:
    """After a restart of the channel layer the edge forwards frames again."""
    ann = await person()
    async with connected(edge.url, ann) as client:
        environment.VALKEY.restart()
        await until(edge.is_up, "the edge did not come back to Redis")
        await sync_to_async(publish_frames)([(key_of(ann.pk), 1, protocol.deleted(1, 0, 1))])
        # The frame was made up: Postgres knows nothing of it, and it is the next seq all the same.
        assert (await client.changes(1))[0]["seq"] == 1


async def test_reordered_and_repeated_frames(edge: Edge, valkey: str) -> None:
    """Frames published in any order and twice arrive in order and once."""
    ann = await person()
    async with connected(edge.url, ann) as client:
        order = [3, 1, 2, 2, 5, 4, 1, 7, 6, 3, 8]
        await sync_to_async(publish_frames)([(key_of(ann.pk), seq, protocol.deleted(seq, 0, seq)) for seq in order])
        assert [frame["seq"] for frame in await client.changes(8)] == list(range(1, 9))
        await client.nothing_came()


async def test_edge_probes_and_metrics(edge: Edge) -> None:
    """The edge answers its probes and counts its sockets."""
    assert edge.http("/healthz").json() == {"status": "ok"}
    ready = edge.http("/readyz").json()
    assert (ready["ready"], ready["redis"], ready["postgres"], ready["draining"]) == (True, True, True, False)
    async with connected(edge.url, await person()):
        assert edge.metric("clarion_edge_sockets") >= 1
    assert edge.http("/elsewhere").status_code == 404
    assert json.loads(edge.http("/elsewhere").text)["detail"]


async def test_edge_without_redis(db: None, valkey: str) -> None:
    """An edge without Redis is ready and opens sockets."""
    away = {"CHANNEL_LAYER_URL": f"redis://127.0.0.1:{free_port()}/1"}
    edge = Edge("lacking", **(await sync_to_async(on_test_database)() | away))
    ann = await person()
    edge.launch()
    try:
        await until(lambda: edge.answers("/healthz"), edge.said)
        state = edge.http("/readyz")
        assert state.status_code == 200
        assert state.json().items() >= {"ready": True, "redis": False, "postgres": True, "fault": None}.items()
        async with connected(edge.url, ann) as client:
            await client.nothing_came()
    finally:
        edge.kill()
