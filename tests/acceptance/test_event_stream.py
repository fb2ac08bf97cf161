"""The stream as Server-Sent Events: the same frames, resumed by the id of the last one: real Daphne, real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psutil
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from clarion.pipeline import revocation
from clarion.pipeline.persons import key_of
from clarion.pipeline.publish import publish_frames
from clarion.shared import protocol
from tests.acceptance.conftest import on_test_database
from tests.acceptance.credentials import signed_in, token
from tests.acceptance.steps import filled, person, until
from tests.client import connected
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)

#: Longest wait for one event (seconds).
PATIENCE_SECONDS = 60


class Stream:
    """One event stream, as an EventSource reads it."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The data of the next event."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            data = ""
            async for line in self._lines:
                if line.startswith("id: "):
                    self.last_id = line.removeprefix("id: ")
                elif line.startswith("data: "):
                    data += line.removeprefix("data: ")
                elif not line and data:
                    frame: dict[str, Any] = json.loads(data)
                    return frame
        raise AssertionError("the stream has ended")

    async def comment(self) -> None:
        """Wait for a comment, which must come before any event."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self._lines:
                assert not line.startswith("data: "), line
                if line.startswith(":"):
                    return

    async def ended(self) -> None:
        """The server ends the stream; nothing more comes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert [line async for line in self._lines if line] == []


@asynccontextmanager
async def streamed(edge: Edge, headers: Mapping[str, str] | None = None, **query: Any) -> AsyncIterator[Stream]:
    url = f"http://127.0.0.1:{edge.port}/sse/notification-updates/"
    async with (
        httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client,
        client.stream("GET", url, params=query, headers=headers) as response,
    ):
        yield Stream(response)


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(user)}"}


@sync_to_async
def told(user: User, *seqs: int) -> None:
    publish_frames([(key_of(user.pk), seq, protocol.deleted(seq, 0, seq)) for seq in seqs])


async def test_event_stream_frames(edge: Edge) -> None:
    """An event stream has the frames of a socket, in order, with the cursor as event id."""
    ann = await person()
    async with streamed(edge, bearer(ann)) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert "no-transform" in stream.response.headers["cache-control"]  # a proxy that compresses holds events back
        connected = await stream.next()
        assert (connected["type"], connected["user_id"], stream.last_id) == ("CONNECTED", str(ann.pk), "0:0")
        await told(ann, 2, 1, 1, 3)
        for seq in (1, 2, 3):
            assert (await stream.next())["seq"] == seq
            assert stream.last_id == f"0:{seq}"


async def test_last_event_id(edge: Edge) -> None:
    """Last-Event-ID resumes the stream and takes precedence over the query."""
    ann = await person()
    await filled(ann.pk, 5)
    async with streamed(edge, {**bearer(ann), "Last-Event-ID": "0:3"}, since=1, epoch="0") as stream:
        assert (await stream.next())["resumed"] is True
        assert stream.last_id == ""  # or a client that is cut off here would never get 4
        assert [(await stream.next())["seq"] for _ in range(2)] == [4, 5]
        assert stream.last_id == "0:5"
    async with streamed(edge, {**bearer(ann), "Last-Event-ID": "before:3"}) as stream:
        assert (await stream.next())["resumed"] is False
        assert (await stream.next())["reason"] == "EPOCH"
        assert stream.last_id == "0:5"


@pytest.mark.parametrize("last", ["", "x", "0:", "0:-1", "0:١", ":" * 5000, "0:" + "9" * 19])
async def test_malformed_last_event_id(edge: Edge, last: str) -> None:
    """A malformed Last-Event-ID is ignored."""
    headers = httpx.Headers({**bearer(await person()), "Last-Event-ID": last}, encoding="utf-8")
    async with streamed(edge, headers) as stream:
        assert (await stream.next())["resumed"] is False


async def test_event_stream_refusal(edge: Edge) -> None:
    """A refusal is sent as events with the reason and the close code, and the stream ends."""
    for headers, reason, code in (({}, "MISSING", 4001), ({"Authorization": "Bearer nonsense"}, "INVALID", 4002)):
        async with streamed(edge, headers) as stream:
            assert await stream.next() == {"type": "AUTH_FAILED", "reason": reason}
            assert await stream.next() == {"type": "CLOSED", "code": code}
            await stream.ended()


async def test_event_stream_of_revoked_user(edge: Edge) -> None:
    """The stream of a revoked user ends."""
    ann = await person()
    async with streamed(edge, token=token(ann)) as stream:
        await stream.next()
        await sync_to_async(revocation.revoke)(ann.pk)
        assert await stream.next() == {"type": "AUTH_FAILED", "reason": "REVOKED"}
        assert await stream.next() == {"type": "CLOSED", "code": 4003}
        await stream.ended()


async def test_event_stream_with_session(edge: Edge) -> None:
    """A session opens a stream from a page of the same host only."""
    ann = await person()
    cookie = {"Cookie": await signed_in(ann)}
    own = {"Origin": f"http://127.0.0.1:{edge.port}"}
    for headers in ({"Sec-Fetch-Site": "same-origin"}, own):
        async with streamed(edge, {**cookie, **headers}) as stream:
            assert (await stream.next())["user_id"] == str(ann.pk)
            assert stream.response.headers.get("access-control-allow-origin") == headers.get("Origin")
    strange: list[dict[str, str]] = [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "same-origin"},
    ]
    for headers in strange:
        async with streamed(edge, {**cookie, **headers}) as stream:
            assert await stream.next() == {"type": "AUTH_FAILED", "reason": "MISSING"}
            assert "access-control-allow-origin" not in stream.response.headers


async def test_event_stream_heartbeat(db: None, valkey: str) -> None:
    """Comments keep a stream open without any message of the client."""
    with Edge(
        "quiet", CLARION_HEARTBEAT_SECONDS="1", CLARION_SILENT_SECONDS="2", **await sync_to_async(on_test_database)()
    ) as edge:
        async with streamed(edge, bearer(await person())) as stream:
            await stream.next()
            for _ in range(8):  # longer than a socket may be silent
                await stream.comment()
        await until(lambda: edge.metric("clarion_edge_sockets") == 0, "a stream that was left was not forgotten")


async def test_event_stream_of_slow_client(db: None, valkey: str) -> None:
    """A client that does not read is parked and closed, and costs little memory."""
    env = {"CLARION_CREDIT_BYTES": "65536", "CLARION_PARKED_SECONDS": "1"}
    with Edge("unread", **env, **await sync_to_async(on_test_database)()) as edge:
        assert edge.popen is not None
        process = psutil.Process(edge.popen.pid)
        ann, ben = await person(), await person()
        async with streamed(edge, bearer(ann)) as stream, streamed(edge, bearer(ben)) as other:
            await stream.next()
            await other.next()
            before = process.memory_info().rss
            await filled(ann.pk, 100, size=200_000)  # 20 MB, more than the buffers of the system take
            await told(ben, 1)
            assert (await other.next())["seq"] == 1
            assert process.memory_info().rss - before < 16 * 2**20
            await until(lambda: edge.metric("clarion_edge_sockets") == 1, "it was not closed")
            text = edge.http("/metrics").text
            assert 'clarion_edge_closes_total{code="4009"} 1.0' in text


async def test_event_stream_methods(edge: Edge) -> None:
    """Methods other than GET and OPTIONS give 405."""
    url = f"http://127.0.0.1:{edge.port}/sse/notification-updates/"
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        for method in ("POST", "PUT", "DELETE", "HEAD"):
            assert (await client.request(method, url)).status_code == 405


async def test_event_stream_preflight(db: None, valkey: str) -> None:
    """A preflight allows the headers for an allowed origin, and nothing for another one."""
    env = {"CLARION_ALLOWED_ORIGINS": "https://forum.example"} | await sync_to_async(on_test_database)()
    with Edge("preflight", **env) as edge:
        url = f"http://127.0.0.1:{edge.port}/sse/notification-updates/"
        asked = {
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,last-event-id",
        }
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
            answer = await client.options(url, headers=asked | {"Origin": "https://forum.example"})
            assert answer.status_code == 204
            assert answer.headers["access-control-allow-origin"] == "https://forum.example"
            assert answer.headers["access-control-allow-credentials"] == "true"
            assert {"authorization", "last-event-id"} <= set(answer.headers["access-control-allow-headers"].split(", "))
            strange = await client.options(url, headers=asked | {"Origin": "https://evil.example"})
            assert not [name for name in strange.headers if name.startswith("access-control")]


async def test_event_stream_blocks(db: None, valkey: str) -> None:
    """Each block of the stream contains an event; comments end no block."""
    env = {"CLARION_HEARTBEAT_SECONDS": "1"} | await sync_to_async(on_test_database)()
    with Edge("blocks", **env) as edge:
        ann = await person()
        async with streamed(edge, bearer(ann)) as stream:
            lines = []
            async for line in stream.response.aiter_lines():
                lines.append(line)
                if lines.count(":") == 3:
                    break
    blocks = "\n".join(lines).split("\n\n")
    assert blocks[0].splitlines()[:2] == [":", "retry: 5000"]
    assert [block for block in blocks[:-1] if "data: " not in block] == []


@pytest.mark.parametrize("origin", ["http://[::1", "http://[x]:y"])
async def test_malformed_origin(edge: Edge, origin: str) -> None:
    """A malformed origin gives 400."""
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        url = f"http://127.0.0.1:{edge.port}/sse/notification-updates/"
        assert (await client.get(url, headers={"Origin": origin})).status_code == 400


async def test_optional_slash_and_root_path(db: None, valkey: str) -> None:
    """The path works without its final slash and after a root path."""
    env = await sync_to_async(on_test_database)()
    edge = Edge("rooted", **env)
    edge.command = (*edge.command, "--root-path=/live")
    with edge:
        ann = await person()
        for path in ("/ws/notification-updates", "/live/ws/notification-updates/", "/live/ws/notification-updates"):
            async with connected(f"ws://127.0.0.1:{edge.port}{path}", ann) as client:
                await client.nothing_came()
        assert edge.http("/live/healthz").status_code == 200
        assert edge.http("/live/other").status_code == 404
