"""The channel layer: a Channels layer like any other, and what Clarion adds to it, on a real Valkey."""

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

from clarion.shared import breaker, host_connection, subscriber
from clarion.shared.breaker import SOCKET_TIMEOUT_SECONDS
from clarion.shared.channel_layer import QUEUE_CAPACITY, ClarionChannelLayer
from clarion.shared.messages import FRAME, frame_message
from clarion.shared.publisher import Broadcast, NotAllPublished
from dev.servers import Valkey
from tests import environment
from tests.processes import wait_until

#: Longest wait for a message (seconds).
PATIENCE_SECONDS = 10


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


async def test_a_message_to_a_channel_is_received(layer: ClarionChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "a.b", "n": 1})
    assert await receive(layer, channel) == {"type": "a.b", "n": 1}


async def test_a_message_to_a_group_reaches_its_members_and_no_others(layer: ClarionChannelLayer) -> None:
    inside, other, outside = [await layer.new_channel() for _ in range(3)]
    await layer.group_add("group", inside)
    await layer.group_add("group", other)
    await layer.group_send("group", {"type": "a.b"})
    assert await receive(layer, inside) == await receive(layer, other) == {"type": "a.b"}
    await layer.send(outside, {"type": "end"})
    assert await receive(layer, outside) == {"type": "end"}


async def test_who_left_a_group_hears_no_more(layer: ClarionChannelLayer) -> None:
    staying, leaving = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("group", staying)
    await layer.group_add("group", leaving)
    await layer.group_discard("group", leaving)
    await layer.group_discard("group", leaving)
    await layer.group_send("group", {"type": "a.b"})
    assert await receive(layer, staying) == {"type": "a.b"}
    await layer.send(leaving, {"type": "end"})
    assert await receive(layer, leaving) == {"type": "end"}


async def test_a_group_without_members_takes_messages_in_silence(layer: ClarionChannelLayer) -> None:
    await layer.group_send("nobody", {"type": "a.b"})


async def test_messages_of_one_sender_keep_their_order(layer: ClarionChannelLayer) -> None:
    channel = await layer.new_channel()
    for n in range(50):
        await layer.send(channel, {"type": "a.b", "n": n})
    assert [(await receive(layer, channel))["n"] for _ in range(50)] == list(range(50))


async def test_a_cancelled_receive_drops_nothing_of_the_others(layer: ClarionChannelLayer) -> None:
    channel, other = await layer.new_channel(), await layer.new_channel()
    waiting = asyncio.create_task(layer.receive(channel))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await layer.send(other, {"type": "a.b"})
    assert await receive(layer, other) == {"type": "a.b"}


async def test_many_are_published_at_once_and_stock_consumers_receive_them(layer: ClarionChannelLayer) -> None:
    channels = [await layer.new_channel() for _ in range(20)]
    for number, channel in enumerate(channels):
        await layer.group_add(f"group-{number}", channel)
    messages = [(f"group-{number % 20}", {"type": "a.b", "n": number}) for number in range(200)]
    assert await asyncio.to_thread(layer.publish, messages) == 200
    for number, channel in enumerate(channels):
        got = [(await receive(layer, channel))["n"] for _ in range(10)]
        assert got == list(range(number, 200, 20))


async def test_a_listener_is_called_back_until_it_stops(layer: ClarionChannelLayer) -> None:
    heard: list[Mapping[str, Any]] = []
    loop_layer = layer.loop_layer()
    assert await loop_layer.listen("group", heard.append, wait_seconds=PATIENCE_SECONDS)
    layer.publish([("group", frame_message(1, "text"))])
    await came(lambda: heard)
    assert heard == [{"type": FRAME, "epoch": None, "since": None, "rest": "", "own": [1, "text"]}]
    loop_layer.unlisten("group", heard.append)
    await came(lambda: layer.publish([("group", frame_message(2, "text"))]) == 0)
    assert len(heard) == 1


async def test_who_listens_stops_and_listens_again_at_once_hears(layer: ClarionChannelLayer) -> None:
    loop_layer, heard = layer.loop_layer(), []

    def callback(message: Mapping[str, Any]) -> None:
        heard.append(message)

    for _ in range(20):
        assert await loop_layer.listen("group", callback, wait_seconds=PATIENCE_SECONDS)
        loop_layer.unlisten("group", callback)
    assert await loop_layer.listen("group", callback, wait_seconds=PATIENCE_SECONDS)
    await came(lambda: layer.publish([("group", frame_message(1, "text"))]) == 1)
    await came(lambda: heard)


async def test_one_listener_that_fails_does_not_keep_others_from_hearing(layer: ClarionChannelLayer) -> None:
    heard: list[Mapping[str, Any]] = []

    def fails(_: Mapping[str, Any]) -> None:
        raise ValueError

    loop_layer = layer.loop_layer()
    await loop_layer.listen("group", fails, wait_seconds=PATIENCE_SECONDS)
    await loop_layer.listen("group", heard.append, wait_seconds=PATIENCE_SECONDS)
    layer.publish([("group", {"type": "a.b"})])
    await came(lambda: heard)


@pytest.mark.parametrize("garbage", [b"", b"\xc1", b"\xff\xfe", b"\x81", b"7", b"\x90", b"\xdd\xff\xff\xff\xff"])
async def test_a_message_that_is_none_harms_nobody_who_listens(layer: ClarionChannelLayer, garbage: bytes) -> None:
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


async def test_a_storm_of_listeners_is_a_few_commands_on_one_connection(layer: ClarionChannelLayer) -> None:
    before = clients_of_redis()
    loop_layer, heard = layer.loop_layer(), []
    listening = [loop_layer.listen(f"group-{n}", heard.append, wait_seconds=PATIENCE_SECONDS) for n in range(3000)]
    assert all(await asyncio.gather(*listening))
    assert clients_of_redis() - before <= 2
    assert layer.publish((f"group-{n}", {"type": "a.b", "n": n}) for n in range(3000)) == 3000
    await came(lambda: len(heard) == 3000)


@pytest.mark.parametrize("options", [{}, {"symmetric_encryption_keys": ["a"]}, {"serializer_format": "json"}])
async def test_lots_arrive_as_if_each_message_had_been_sent_whole(options: dict[str, Any]) -> None:
    layer = ClarionChannelLayer(hosts=[environment.VALKEY.database_url(1)], prefix="lots", **options)
    heard: list[Mapping[str, Any]] = []
    await layer.loop_layer().listen("group", heard.append, wait_seconds=PATIENCE_SECONDS)
    lots = [Broadcast({"type": "a.b", "text": "ä" * 300}, "n", [("group", n), ("other", n)]) for n in (1, 2**40)]
    assert layer.publish_lots(lots) == 2
    await came(lambda: len(heard) == 2)
    assert heard == [{"type": "a.b", "text": "ä" * 300, "n": n} for n in (1, 2**40)]
    layer.close()
    await layer.flush()


async def test_a_queue_that_nobody_reads_has_a_bound_and_keeps_the_newest(layer: ClarionChannelLayer) -> None:
    channel, other = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("group", channel)
    layer.publish(("group", {"type": "a.b", "n": n}) for n in range(QUEUE_CAPACITY + 10))
    await layer.send(other, {"type": "end"})
    await receive(layer, other)
    assert (await receive(layer, channel))["n"] == 10


async def test_after_redis_was_restarted_listeners_hear_again_and_are_told(layer: ClarionChannelLayer) -> None:
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


async def test_a_burst_that_the_callbacks_cannot_keep_up_with_ends_no_connection(layer: ClarionChannelLayer) -> None:
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
            layer.publish_lots([lot])
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


async def test_a_stock_consumer_does_not_wait_for_ever_while_redis_is_away(
    monkeypatch: pytest.MonkeyPatch, layer: ClarionChannelLayer
) -> None:
    monkeypatch.setattr(subscriber, "COMMAND_TIMEOUT_SECONDS", 0.2)
    environment.VALKEY.stop()
    try:
        with pytest.raises(TimeoutError):
            await layer.new_channel()
        assert layer.loop_layer().channels == {}
    finally:
        environment.VALKEY.start()


async def test_losses_while_listeners_come_and_go_leave_no_layer_deaf(layer: ClarionChannelLayer) -> None:
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


async def test_listening_while_redis_is_away_says_so_and_hears_when_it_is_back(layer: ClarionChannelLayer) -> None:
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


async def test_a_redis_that_has_gone_silent_is_left_and_found_again(
    layer: ClarionChannelLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    "publish_lots": lambda layer: layer.publish_lots([Broadcast({"type": "a.b"}, "own", [("group", 1)])]),
    "listening": lambda layer: layer.listening(["group"]),
    "issue_ticket": lambda layer: layer.issue_ticket(1),
    "acknowledged": lambda layer: layer.acknowledged([1]),
    "reports": lambda layer: layer.reports(),
}


@pytest.mark.parametrize("first", CALLS)
def test_a_frozen_redis_is_waited_for_once(publisher: ClarionChannelLayer, frozen: None, first: str) -> None:
    """The first call finds out within its bound, and no other one waits again for a moment."""
    begun = time.monotonic()
    with pytest.raises(redis.RedisError):
        CALLS[first](publisher)
    assert time.monotonic() - begun < SOCKET_TIMEOUT_SECONDS + 0.5
    begun = time.monotonic()
    for call in CALLS.values():
        with pytest.raises(redis.RedisError):
            call(publisher)
    assert time.monotonic() - begun < 0.1


def test_a_redis_that_is_back_is_found_by_one_call(
    publisher: ClarionChannelLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "COOL_DOWN_FIRST_SECONDS", 0.2)
    environment.VALKEY.stop()
    try:
        with pytest.raises(redis.RedisError):
            publisher.publish([("group", {"type": "a.b"})])
    finally:
        environment.VALKEY.start()
    wait_until(lambda: _answers(publisher), "the layer does not find its Redis again", 10)
    for call in CALLS.values():
        call(publisher)


def _answers(layer: ClarionChannelLayer) -> bool:
    with contextlib.suppress(redis.RedisError):
        return layer.publish([("group", {"type": "a.b"})]) == 0
    return False


@pytest.mark.parametrize("how", ["away", "frozen"])
def test_one_of_two_hosts_that_fails_takes_nothing_from_the_other(valkey: str, how: str) -> None:
    """The healthy host gets every message that is its own, also while the other one is waited for."""
    with Valkey(environment.FOLDER / f"second-{how}") as second:
        layer = ClarionChannelLayer(hosts=[environment.VALKEY.database_url(1), second.url], prefix="two")
        groups = [f"group-{number}" for number in range(1200)]
        own = [group for group in groups if _consistent_hash(layer.channel_of(group), 2) == 0]
        assert 400 < len(own) < 800
        with redis.Redis.from_url(environment.VALKEY.database_url(1), protocol=2) as client:
            pubsub = client.pubsub(ignore_subscribe_messages=True)
            pubsub.psubscribe(layer.channel_of("*"))
            pubsub.get_message(timeout=5)
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
                message = pubsub.get_message(timeout=5)
                assert message is not None
                channels.append(message["channel"].decode())
            received = [name for name in channels if name != layer.channel_of("end")]
            assert received[-2 * len(own) :] == [layer.channel_of(group) for group in own] * 2
            pubsub.close()
        layer.close()


def test_publishing_after_a_restart_needs_no_second_try(publisher: ClarionChannelLayer) -> None:
    publisher.publish([("group", {"type": "a.b"})])
    environment.VALKEY.restart()
    assert publisher.publish([("group", {"type": "a.b"})]) == 0
