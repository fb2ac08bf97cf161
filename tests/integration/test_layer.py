"""The channel layer: the interface of Channels, and the additions of Clarion, on a real Valkey."""

import asyncio
import contextlib
import itertools
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
import redis
from channels_redis.utils import _consistent_hash

from clarion.shared import acks, breaker, edge_status, host_connection, subscriber, tickets
from clarion.shared.breaker import SOCKET_TIMEOUT_SECONDS
from clarion.shared.channel_layer import QUEUE_CAPACITY, ClarionChannelLayer
from clarion.shared.messages import FRAME, frame_message
from clarion.shared.publisher import Broadcast, NotAllPublished
from dev.servers import Valkey
from tests import environment
from tests.processes import wait_until

#: Longest wait for a message (seconds).
PATIENCE_SECONDS = 30


@pytest.fixture
async def layer(valkey: str) -> AsyncIterator[ClarionChannelLayer]:
    made = ClarionChannelLayer(hosts=[environment.VALKEY.database_url(1)], prefix="test")
    yield made
    await made.flush()
    made.close()


async def receive(layer: ClarionChannelLayer, channel: str) -> Any:
    return await asyncio.wait_for(layer.receive(channel), PATIENCE_SECONDS)


def clients_of_redis() -> int:
    with redis.Redis.from_url(environment.VALKEY.url) as client:
        return int(client.info("clients")["connected_clients"])


@pytest.fixture
def publisher(valkey: str) -> Iterator[ClarionChannelLayer]:
    """A layer as a worker has it, outside of any event loop."""
    made = ClarionChannelLayer(hosts=[environment.VALKEY.database_url(1)], prefix="test")
    yield made
    made.close()


async def came(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - many conditions, one way to wait
            await asyncio.sleep(0.01)


async def test_send_to_channel(layer: ClarionChannelLayer) -> None:
    """A message to a channel is received."""
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "a.b", "n": 1})
    assert await receive(layer, channel) == {"type": "a.b", "n": 1}


async def test_send_to_group(layer: ClarionChannelLayer) -> None:
    """A message to a group is received by its members and no other channel."""
    inside, other, outside = [await layer.new_channel() for _ in range(3)]
    await layer.group_add("group", inside)
    await layer.group_add("group", other)
    await layer.group_send("group", {"type": "a.b"})
    assert await receive(layer, inside) == await receive(layer, other) == {"type": "a.b"}
    await layer.send(outside, {"type": "end"})
    assert await receive(layer, outside) == {"type": "end"}


async def test_group_discard(layer: ClarionChannelLayer) -> None:
    """A channel that left a group receives no further messages."""
    staying, leaving = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("group", staying)
    await layer.group_add("group", leaving)
    await layer.group_discard("group", leaving)
    await layer.group_discard("group", leaving)
    await layer.group_send("group", {"type": "a.b"})
    assert await receive(layer, staying) == {"type": "a.b"}
    await layer.send(leaving, {"type": "end"})
    assert await receive(layer, leaving) == {"type": "end"}


async def test_send_to_empty_group(layer: ClarionChannelLayer) -> None:
    """Sending to a group without members raises no error."""
    await layer.group_send("nobody", {"type": "a.b"})


async def test_message_order(layer: ClarionChannelLayer) -> None:
    """The messages of one sender keep their order."""
    channel = await layer.new_channel()
    for n in range(50):
        await layer.send(channel, {"type": "a.b", "n": n})
    assert [(await receive(layer, channel))["n"] for _ in range(50)] == list(range(50))


async def test_cancelled_receive(layer: ClarionChannelLayer) -> None:
    """A cancelled receive loses no message of another channel."""
    channel, other = await layer.new_channel(), await layer.new_channel()
    waiting = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await layer.send(other, {"type": "a.b"})
    assert await receive(layer, other) == {"type": "a.b"}


async def test_bulk_publish(layer: ClarionChannelLayer) -> None:
    """Messages published in bulk are received by stock consumers."""
    channels = [await layer.new_channel() for _ in range(20)]
    for number, channel in enumerate(channels):
        await layer.group_add(f"group-{number}", channel)
    messages = [(f"group-{number % 20}", {"type": "a.b", "n": number}) for number in range(200)]
    assert await asyncio.to_thread(layer.publish, messages) == 200
    for number, channel in enumerate(channels):
        got = [(await receive(layer, channel))["n"] for _ in range(10)]
        assert got == list(range(number, 200, 20))


async def test_listener(layer: ClarionChannelLayer) -> None:
    """A listener is called until it stops listening."""
    heard: list[Mapping[str, Any]] = []
    loop_layer = layer.loop_layer()
    assert await loop_layer.listen("group", heard.append, wait_seconds=PATIENCE_SECONDS)
    layer.publish([("group", frame_message(1, "text"))])
    await came(lambda: heard)
    assert heard == [{"type": FRAME, "epoch": None, "since": None, "rest": "", "own": [1, "text"]}]
    loop_layer.unlisten("group", heard.append)
    await came(lambda: layer.publish([("group", frame_message(2, "text"))]) == 0)
    assert len(heard) == 1


async def test_listen_again_immediately(layer: ClarionChannelLayer) -> None:
    """A listener that stops and immediately listens again receives messages."""
    loop_layer, heard = layer.loop_layer(), []

    def callback(message: Mapping[str, Any]) -> None:
        heard.append(message)

    for _ in range(20):
        assert await loop_layer.listen("group", callback, wait_seconds=PATIENCE_SECONDS)
        loop_layer.unlisten("group", callback)
    assert await loop_layer.listen("group", callback, wait_seconds=PATIENCE_SECONDS)
    await came(lambda: layer.publish([("group", frame_message(1, "text"))]) == 1)
    await came(lambda: heard)


async def test_failing_listener(layer: ClarionChannelLayer) -> None:
    """An exception of one listener does not affect the others."""
    heard: list[Mapping[str, Any]] = []

    def fails(_: Mapping[str, Any]) -> None:
        raise ValueError

    loop_layer = layer.loop_layer()
    await loop_layer.listen("group", fails, wait_seconds=PATIENCE_SECONDS)
    await loop_layer.listen("group", heard.append, wait_seconds=PATIENCE_SECONDS)
    layer.publish([("group", {"type": "a.b"})])
    await came(lambda: heard)


@pytest.mark.parametrize("garbage", [b"", b"\xc1", b"\xff\xfe", b"\x81", b"7", b"\x90", b"\xdd\xff\xff\xff\xff"])
async def test_malformed_message(layer: ClarionChannelLayer, garbage: bytes) -> None:
    """A malformed message is ignored, and the connection is kept."""
    heard: list[Mapping[str, Any]] = []
    loop_layer = layer.loop_layer()
    await loop_layer.listen("group", heard.append, wait_seconds=PATIENCE_SECONDS)
    lost: list[bool] = []
    loop_layer.on_return.append(lambda: lost.append(True))
    with redis.Redis.from_url(environment.VALKEY.database_url(1)) as client:
        assert client.publish("test__group__group", garbage) == 1
    layer.publish([("group", {"type": "a.b"})])
    await came(lambda: {"type": "a.b"} in heard)
    assert lost == []


async def test_many_listeners(layer: ClarionChannelLayer) -> None:
    """Thousands of listeners share one connection and subscribe in a few commands."""
    before = clients_of_redis()
    loop_layer, heard = layer.loop_layer(), []
    listening = [loop_layer.listen(f"group-{n}", heard.append, wait_seconds=PATIENCE_SECONDS) for n in range(3000)]
    assert all(await asyncio.gather(*listening))
    assert clients_of_redis() - before <= 2
    assert layer.publish((f"group-{n}", {"type": "a.b", "n": n}) for n in range(3000)) == 3000
    await came(lambda: len(heard) == 3000)


@pytest.mark.parametrize("options", [{}, {"symmetric_encryption_keys": ["a"]}, {"serializer_format": "json"}])
async def test_broadcast(options: dict[str, Any]) -> None:
    """Broadcast messages arrive as if each had been sent whole."""
    layer = ClarionChannelLayer(hosts=[environment.VALKEY.database_url(1)], prefix="lots", **options)
    heard: list[Mapping[str, Any]] = []
    await layer.loop_layer().listen("group", heard.append, wait_seconds=PATIENCE_SECONDS)
    lots = [Broadcast({"type": "a.b", "text": "ä" * 300}, "n", [("group", n), ("other", n)]) for n in (1, 2**40)]
    assert layer.broadcast(lots) == 2
    await came(lambda: len(heard) == 2)
    assert heard == [{"type": "a.b", "text": "ä" * 300, "n": n} for n in (1, 2**40)]
    layer.close()
    await layer.flush()


async def test_unread_queue(layer: ClarionChannelLayer) -> None:
    """An unread queue has a bound and keeps the newest messages."""
    channel, other = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("group", channel)
    layer.publish(("group", {"type": "a.b", "n": n}) for n in range(QUEUE_CAPACITY + 10))
    await layer.send(other, {"type": "end"})
    await receive(layer, other)
    assert (await receive(layer, channel))["n"] == 10


async def test_listeners_after_restart(layer: ClarionChannelLayer) -> None:
    """After a restart of Redis the listeners are notified and receive messages again."""
    heard: list[Mapping[str, Any]] = []
    returns: list[bool] = []
    loop_layer = layer.loop_layer()
    await loop_layer.listen("group", heard.append, wait_seconds=PATIENCE_SECONDS)
    loop_layer.on_return.append(lambda: returns.append(loop_layer.is_up))
    environment.VALKEY.restart()
    await came(lambda: returns)
    assert returns == [True]
    layer.publish([("group", {"type": "a.b"})])
    await came(lambda: heard)


async def test_burst_beyond_callback_speed(layer: ClarionChannelLayer) -> None:
    """A burst faster than the callbacks does not end the connection."""
    heard = 0
    returns: list[bool] = []

    def slow(_: Mapping[str, Any]) -> None:
        nonlocal heard
        heard += 1
        until = time.perf_counter() + 0.00003
        while time.perf_counter() < until:
            pass

    loop_layer = layer.loop_layer()
    await loop_layer.listen("group", slow, wait_seconds=PATIENCE_SECONDS)
    loop_layer.on_return.append(lambda: returns.append(True))
    lot = Broadcast(
        {"type": FRAME, "epoch": None, "since": None, "rest": "x" * 1000}, "own", [("group", (1, "x"))] * 2000
    )

    def burst() -> None:
        for _ in range(20):  # as fast as workers store batches, which is twice as fast as the callbacks
            layer.broadcast([lot])
            time.sleep(0.02)

    with redis.Redis.from_url(environment.VALKEY.url) as client:
        before = client.config_get("client-output-buffer-limit")["client-output-buffer-limit"]
        client.config_set("client-output-buffer-limit", "pubsub 32mb 8mb 60")  # Redis's default
        try:
            await asyncio.to_thread(burst)
            await came(lambda: heard == 40_000)
        finally:
            client.config_set("client-output-buffer-limit", before)
    assert returns == []


async def test_stock_consumer_without_redis(monkeypatch: pytest.MonkeyPatch, layer: ClarionChannelLayer) -> None:
    """A stock consumer gets a time-out while Redis is unavailable."""
    monkeypatch.setattr(subscriber, "COMMAND_TIMEOUT_SECONDS", 0.2)
    environment.VALKEY.stop()
    try:
        with pytest.raises(TimeoutError):
            await layer.new_channel()
        assert layer.loop_layer().channels == {}
    finally:
        environment.VALKEY.start()


async def test_losses_while_subscribing(layer: ClarionChannelLayer) -> None:
    """The layer still receives messages after losses of the connection during subscriptions."""
    heard: list[Mapping[str, Any]] = []
    returns: list[bool] = []
    loop_layer = layer.loop_layer()
    await loop_layer.listen("group", heard.append, wait_seconds=PATIENCE_SECONDS)
    loop_layer.on_return.append(lambda: returns.append(True))

    async def come_and_go() -> None:
        for number in itertools.count():
            await loop_layer.listen(f"group-{number}", heard.append, wait_seconds=0.02)
            loop_layer.unlisten(f"group-{number}", heard.append)

    churn = [asyncio.create_task(come_and_go()) for _ in range(5)]
    with redis.Redis.from_url(environment.VALKEY.url) as client:
        for losses in range(1, 21):
            client.client_kill_filter(_type="pubsub")
            await came(lambda losses=losses: len(returns) >= losses and loop_layer.is_up)
    for task in churn:
        task.cancel()
    await asyncio.gather(*churn, return_exceptions=True)
    heard.clear()
    layer.publish([("group", {"type": "a.b"})])
    await came(lambda: heard)


async def test_listen_without_redis(layer: ClarionChannelLayer) -> None:
    """Listening fails while Redis is unavailable, and messages arrive when it is back."""
    heard: list[Mapping[str, Any]] = []
    loop_layer = layer.loop_layer()
    environment.VALKEY.stop()
    try:
        assert not await loop_layer.listen("group", heard.append, wait_seconds=0.2)
        assert not loop_layer.is_up
    finally:
        environment.VALKEY.start()
    await came(lambda: loop_layer.is_up)
    layer.publish([("group", {"type": "a.b"})])
    await came(lambda: heard)


async def test_silent_redis(layer: ClarionChannelLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent Redis is detected, and the connection is made again when it answers."""
    monkeypatch.setattr(host_connection, "CANARY_EVERY_SECONDS", 0.2)
    monkeypatch.setattr(host_connection, "SILENCE_SECONDS", 0.5)
    heard: list[Mapping[str, Any]] = []
    loop_layer = layer.loop_layer()
    await loop_layer.listen("group", heard.append, wait_seconds=PATIENCE_SECONDS)
    environment.VALKEY.kill(signal.SIGSTOP)
    try:
        await came(lambda: not loop_layer.is_up)
    finally:
        environment.VALKEY.kill(signal.SIGCONT)
    await came(lambda: loop_layer.is_up)
    layer.publish([("group", {"type": "a.b"})])
    await came(lambda: heard)


@pytest.fixture
def frozen(publisher: ClarionChannelLayer) -> Iterator[None]:
    """A Redis that is connected and does not answer."""
    publisher.publish([("group", {"type": "a.b"})])
    environment.VALKEY.kill(signal.SIGSTOP)
    try:
        yield
    finally:
        environment.VALKEY.kill(signal.SIGCONT)


#: Every call of the layer that waits for Redis.
CALLS: dict[str, Callable[[ClarionChannelLayer], object]] = {
    "publish": lambda layer: layer.publish([("group", {"type": "a.b"})]),
    "broadcast": lambda layer: layer.broadcast([Broadcast({"type": "a.b"}, "own", [("group", 1)])]),
    "listening": lambda layer: layer.listening(["group"]),
    "tickets": lambda layer: tickets.issue(layer, 1),
    "acks": lambda layer: acks.load(layer, [1]),
    "edge_status": edge_status.load,
}


@pytest.mark.parametrize("first", CALLS)
def test_frozen_redis_time_out(publisher: ClarionChannelLayer, frozen: None, first: str) -> None:
    """Only the first call waits for a frozen Redis.

    It fails within its bound, and for a moment no other call waits again.
    """
    begun = time.monotonic()
    with pytest.raises(redis.RedisError):
        CALLS[first](publisher)
    assert time.monotonic() - begun < SOCKET_TIMEOUT_SECONDS + 0.5
    begun = time.monotonic()
    for call in CALLS.values():
        with pytest.raises(redis.RedisError):
            call(publisher)
    assert time.monotonic() - begun < 0.1


def test_recovered_redis(publisher: ClarionChannelLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recovered Redis is found by one call, and all calls succeed after it."""
    monkeypatch.setattr(breaker, "COOL_DOWN_FIRST_SECONDS", 0.2)
    environment.VALKEY.stop()
    try:
        with pytest.raises(redis.RedisError):
            publisher.publish([("group", {"type": "a.b"})])
    finally:
        environment.VALKEY.start()
    wait_until(lambda: _answers(publisher), "the layer does not find its Redis again")
    for call in CALLS.values():
        call(publisher)


def _answers(layer: ClarionChannelLayer) -> bool:
    with contextlib.suppress(redis.RedisError):
        return layer.publish([("group", {"type": "a.b"})]) == 0
    return False


@pytest.mark.parametrize("how", ["away", "frozen"])
def test_failure_of_one_host(valkey: str, how: str) -> None:
    """If one of two hosts fails, the other one still gets all its messages.

    Also while a call waits for the failed host.
    """
    with Valkey(environment.FOLDER / f"second-{how}") as second:
        layer = ClarionChannelLayer(hosts=[environment.VALKEY.database_url(1), second.url], prefix="two")
        groups = [f"group-{number}" for number in range(1200)]
        own = [group for group in groups if _consistent_hash(layer.channel_of(group), 2) == 0]
        assert 400 < len(own) < 800
        with redis.Redis.from_url(environment.VALKEY.database_url(1), protocol=2) as client:
            pubsub = client.pubsub(ignore_subscribe_messages=True)
            pubsub.psubscribe(layer.channel_of("*"))
            pubsub.get_message(timeout=30)
            layer.publish([("group-0", {"type": "a.b"})])
            if how == "away":
                second.stop()
            else:
                second.kill(signal.SIGSTOP)
            for _ in range(2):
                with pytest.raises(NotAllPublished, match="1 of 2 hosts"):
                    layer.publish((group, {"type": "a.b"}) for group in groups)
            second.kill(signal.SIGCONT)
            client.publish(layer.channel_of("end"), b"")
            channels: list[str] = []
            while not channels or channels[-1] != layer.channel_of("end"):
                message = pubsub.get_message(timeout=30)
                assert message is not None
                channels.append(message["channel"].decode())
            received = [name for name in channels if name != layer.channel_of("end")]
            assert received[-2 * len(own) :] == [layer.channel_of(group) for group in own] * 2
            pubsub.close()
        layer.close()


def test_publish_after_restart(publisher: ClarionChannelLayer) -> None:
    """Publishing after a restart of Redis succeeds without a second call."""
    publisher.publish([("group", {"type": "a.b"})])
    environment.VALKEY.restart()
    assert publisher.publish([("group", {"type": "a.b"})]) == 0
