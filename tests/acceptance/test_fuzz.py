"""Random bytes from the network: the edge stays up, quiet and small, and other clients notice nothing.

The seed of the generator is in the test's name, so a failure can be repeated.
"""

import asyncio
import base64
import contextlib
import os
import random
import struct
from collections.abc import Callable, Iterator

import psutil
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from clarion.pipeline.publish import publish_frames
from clarion.shared import protocol
from tests.acceptance.conftest import on_test_database
from tests.acceptance.credentials import token
from tests.acceptance.steps import person, until
from tests.client import connected
from tests.processes import Edge

pytestmark = pytest.mark.django_db(transaction=True)

#: Connections of one run, and how many at a time.
CONNECTIONS = 150
AT_ONCE = 25
#: Longest wait for the edge to answer or close after garbage (seconds).
PATIENCE_SECONDS = 1.0

MIB = 2**20


@pytest.fixture(scope="module")
def tough(django_db_setup: None) -> Iterator[Edge]:
    env = {"CLARION_HANDSHAKE_SECONDS": "1", "CLARION_LOG_LEVEL": "INFO", "CLARION_CONNECTIONS_PER_USER": "1000"}
    with Edge("tough", **env, **on_test_database()) as process:
        yield process


def frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, rsv: int = 0, size: int = -1) -> bytes:
    """A client's frame, right or wrong."""
    length = len(payload) if size < 0 else size
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    mask_bit = 0x80 if masked else 0
    if length < 126:
        head += bytes([mask_bit | length])
    elif length < 65536:
        head += bytes([mask_bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", length)
    if not masked:
        return head + payload
    key = b"\x01\x02\x03\x04"
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def garbage_frames(dice: random.Random) -> bytes:
    """Some frames after a good handshake."""
    blob = dice.randbytes(dice.choice([0, 1, 5, 125, 126, 4096, 5000]))
    kinds: list[Callable[[], bytes]] = [
        lambda: dice.randbytes(dice.randint(1, 400)),
        lambda: frame(1, blob),
        lambda: frame(2, blob),
        lambda: frame(1, b"[" * 4000),
        lambda: frame(1, b'{"type":' * 400),
        lambda: frame(1, b'{"type":"AUTH","token":"' + b"a" * 3000 + b'"}'),
        lambda: frame(1, b'{"type":"ack","seq":%d}' % dice.choice([-1, 0, 10**30, 2**63])),
        lambda: frame(1, b'{"type":"ack","seq":1e400}'),
        lambda: frame(1, b'{"type":"ack","seq":true}'),
        lambda: frame(1, '{"type":"ping\ud800"}'.encode("utf-8", "surrogatepass")),
        lambda: frame(1, b"\xff\xfe\x00"),
        lambda: frame(dice.randint(3, 15), blob),
        lambda: frame(1, b"x", rsv=dice.randint(1, 7)),
        lambda: frame(1, b"unmasked", masked=False),
        lambda: frame(1, b"never ends", fin=False) * 3,
        lambda: frame(0, b"continues nothing"),
        lambda: frame(1, b"short", size=2**40),
        lambda: frame(1, b"short", size=2**63 - 1),
        lambda: frame(8, struct.pack("!H", dice.choice([0, 999, 1005, 1006, 4001, 65535])) + b"\xff"),
        lambda: frame(8, b"\x03"),
        lambda: frame(9, b"p" * 126),
        lambda: frame(9, b"ping") * 300,
        lambda: frame(1, b'{"type":"ping"}') * 200,
    ]
    return b"".join(dice.choice(kinds)() for _ in range(dice.randint(1, 4)))


def handshake(offered: str, *, path: str = "/ws/notification-updates/", extra: bytes = b"") -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", "Host: edge", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    lines += [f"Sec-WebSocket-Protocol: clarion.v1, bearer.{offered}"]
    return "\r\n".join(lines).encode() + b"\r\n" + extra + b"\r\n"


def garbage_handshake(dice: random.Random, good: str) -> bytes:
    """A request that is wrong somewhere, or only odd."""
    whole = handshake(good)
    swaps: list[tuple[bytes, bytes]] = [
        (b"Version: 13", b"Version: 12"),
        (b"Version: 13", b"Version: " + b"9" * 500),
        (b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Key: short"),
        (b"Sec-WebSocket-Key", b"X-Nothing"),
        (b"Upgrade: websocket", b"Upgrade: \x00"),
        (b"GET ", b"POST "),
        (b"GET ", b"\x16\x03\x01\x02\x00\x01\x00"),
        (b"HTTP/1.1", b"HTTP/9.9"),
        (b" HTTP/1.1", b""),
        (b"Host: edge", b"Host: edge\r\nHost: other"),
        (b"Host: edge", b"Cookie: sessionid=" + dice.randbytes(60).hex().encode() + b"; =;;\xff\r\nOrigin: null"),
        (b"Host: edge", b"Origin: http://[::1"),
        (b"Host: edge", b"Authorization: Bearer " + b"." * 4000),
        (b"Host: edge", b"Last-Event-ID: " + b":" * 3000),
        (b"bearer.", b"bearer.\xff\xfe"),
        (b"clarion.v1", b"clarion.v1, " * 200),
        (b"updates/", b"updates/?" + b"a=1&" * 2000),
        (b"updates/", b"updates/?since=" + b"9" * 3000),
        (b"updates/", b"updates/?token=%00%ff%fe&since=%D9%A1"),
        (b"updates/", b"updates/%2e%2e/%00"),
        (b"/ws/notification-updates/", b"/sse/notification-updates/"),
        (b"\r\n\r\n", b"\r\nX: " + b"y" * 20_000 + b"\r\n\r\n"),
        (b"\r\n\r\n", b"\r\n" + b"X: y\r\n" * 700 + b"\r\n"),
        (b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        (b"\r\n\r\n", b"\r\nContent-Length: 99999999999\r\n\r\nx"),
        (b"\r\n\r\n", b"\r\nContent-Length: -1\r\n\r\n"),
    ]
    kind = dice.random()
    if kind < 0.15:
        return dice.randbytes(dice.randint(0, 3000))
    if kind < 0.3:
        return whole[: dice.randint(0, len(whole) - 1)]
    if kind < 0.4:
        at = dice.randrange(len(whole))
        return whole[:at] + dice.randbytes(1) + whole[at + 1 :]
    old, new = dice.choice(swaps)
    return whole.replace(old, new, 1) * (2 if kind > 0.95 else 1)


async def spoken(port: int, *said: bytes) -> None:
    """Send it, receive the answers, and close, whether or not the edge has closed."""
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for part in said:
                writer.write(part)
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE_SECONDS / 5):
                        await reader.read(65536)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def all_spoken(port: int, sayings: list[tuple[bytes, ...]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(said: tuple[bytes, ...]) -> None:
        async with gate:
            await spoken(port, *said)

    await asyncio.gather(*(one(said) for said in sayings))


async def stays_well(edge: Edge, ann: User, sayings: list[tuple[bytes, ...]], secret: str) -> None:
    """Meanwhile and afterwards a regular client is served, and nothing stays behind."""
    assert edge.popen is not None
    process = psutil.Process(edge.popen.pid)
    await all_spoken(edge.port, sayings[:AT_ONCE])  # loads everything that is loaded once
    before, said = process.memory_info().rss, len(edge.said())
    async with connected(edge.url, ann) as behaved:
        fuzzing = asyncio.create_task(all_spoken(edge.port, sayings))
        seq = 0
        while not fuzzing.done():
            seq += 1
            await sync_to_async(publish_frames)([(ann.pk, seq, protocol.deleted(seq, 0, seq))])
            assert (await behaved.changes(1))[0]["seq"] == seq
            await behaved.say(type="ack", seq=seq)
            await asyncio.sleep(0.05)
        await fuzzing
        await behaved.nothing_came()
        await until(lambda: edge.metric("clarion_edge_sockets") == 1, "sockets of nobody stay")
    await until(lambda: len(process.net_connections()) < 20, "connections of nobody stay")
    assert edge.http("/healthz").status_code == 200
    assert edge.http("/readyz").status_code == 200
    assert process.memory_info().rss - before < 24 * MIB
    log = edge.said()[said:]
    assert "Traceback" not in log, log[-4000:]
    assert '"level": "ERROR"' not in log, log[-4000:]
    assert secret not in edge.said()


@pytest.mark.parametrize("seed", [1, 2])
async def test_garbage_in_frames(tough: Edge, seed: int) -> None:
    """Malformed frames do not affect other clients and leave no memory or sockets behind."""
    dice = random.Random(seed)
    ann, eve = await person(), await person()
    good = await sync_to_async(token)(eve)
    sayings = [(handshake(good), garbage_frames(dice)) for _ in range(CONNECTIONS)]
    await stays_well(tough, ann, sayings, good)


@pytest.mark.parametrize("seed", [1, 2])
async def test_garbage_in_handshakes(tough: Edge, seed: int) -> None:
    """Malformed handshakes do not affect other clients and leave no memory or sockets behind."""
    dice = random.Random(seed)
    ann, eve = await person(), await person()
    good = await sync_to_async(token)(eve)
    sayings = [(garbage_handshake(dice, good), dice.randbytes(20)) for _ in range(CONNECTIONS)]
    await stays_well(tough, ann, sayings, good)


async def test_slow_handshake(tough: Edge) -> None:
    """A client with a missing or too slow handshake is disconnected and counted."""

    async def cut_off(trickle: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", tough.port)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                while trickle:
                    writer.write(trickle[:1])
                    trickle = trickle[1:]
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.2):
                            assert await reader.read(1) == b""
                            break
                assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    refused = tough.metric("clarion_edge_refused_total")
    ann = await person()
    async with connected(tough.url, ann) as behaved:
        await asyncio.gather(cut_off(b""), cut_off(handshake("x")), cut_off(b"GET /"))
        await behaved.nothing_came()  # older than any of them, and it stays
    assert tough.metric("clarion_edge_refused_total") == refused + 3
