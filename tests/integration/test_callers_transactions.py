"""Every public function inside a transaction of its caller: sent on commit, and not at all after a rollback."""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from clarion.pipeline import delivery, revocation
from clarion.pipeline.celery.queues import redis_key
from clarion.pipeline.inbox import marking, mutes, personal, snapshots
from clarion.pipeline.outbox import busy, dead_letters, failures, pauses, recording, sweep, timeline, work
from clarion.pipeline.outbox.models import Event
from clarion.shared.channel_layer import channel_layer
from clarion.shared.inbox.models import Inbox
from tests import environment
from tests.integration.steps import due_now, happened
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)

Sent = Callable[[], list[str]]


@pytest.fixture
def sent(valkey: str, broker: redis.Redis) -> Iterator[Sent]:
    """Channels of the layer that something was published to, and queues that something was enqueued on, since asked."""
    with redis.Redis.from_url(environment.VALKEY.database_url(1), protocol=2) as client:
        pubsub = client.pubsub(ignore_subscribe_messages=True)
        beginning = channel_layer().channel_of("")
        pubsub.psubscribe(f"{beginning}*")
        pubsub.get_message(timeout=30)

        def since_asked() -> list[str]:
            client.publish(f"{beginning}end", b"")
            found: list[str] = []
            while (name := pubsub.get_message(timeout=30)["channel"].decode().removeprefix(beginning)) != "end":
                found.append(re.sub(r"^(notification_user_).*", r"\1", name))
            for queue in ("events", "bursts"):
                found += [queue] * int(broker.llen(redis_key(queue)))
            broker.flushdb()
            return found

        yield since_asked
        pubsub.close()


def an_inbox(people: list[User]) -> None:
    """Give the first person two unread notifications."""
    for key in ("one", "two"):
        delivery.expand(happened(key, first=people[:1]))


def a_dead_letter(people: list[User]) -> None:
    happened(first=people)
    Event.objects.update(state="failed")


def work_that_is_due(people: list[User]) -> None:
    event_id = happened(first=people)
    Event.objects.filter(pk=event_id).update(hinted_at="2026-01-01T00:00Z")
    due_now()


def nothing(people: list[User]) -> None:
    """Prepare nothing."""


def _deactivate(user: User) -> None:
    user.is_active = False
    user.save()


FRAME = ["notification_user_"]

#: Preparation, the call, and the messages that its commit sends.
CALLS: dict[str, tuple[Callable[[list[User]], None], Callable[[User], Any], list[str]]] = {
    "marking.mark_read": (an_inbox, lambda user: marking.mark_read(user.pk, 1, read=True), FRAME),
    "marking.delete": (an_inbox, lambda user: marking.delete(user.pk, 1), FRAME),
    "marking.mark_seen": (an_inbox, lambda user: marking.mark_seen(user.pk), FRAME),
    "marking.read_through": (an_inbox, lambda user: marking.read_through(user.pk), FRAME),
    "revocation.revoke": (nothing, lambda user: revocation.revoke(user.pk), FRAME),
    "revocation.renew": (nothing, lambda user: revocation.renew(user.pk), FRAME),
    "revocation.close_for_renewal": (nothing, lambda user: revocation.close_for_renewal(user.pk), FRAME),
    "revocation.end_session": (nothing, lambda user: revocation.end_session(user.pk, "key"), FRAME),
    "recording.record": (nothing, lambda user: recording.record(ThingHappened(), key="k"), ["events"]),
    "recording.record_named": (
        nothing,
        lambda user: recording.record_named("tests.thing.happened.v1", {}, key="k", service="s"),
        ["events"],
    ),
    "dead_letters.replay": (
        a_dead_letter,
        lambda user: dead_letters.replay(work.EVENT, list(Event.objects.values_list("pk", flat=True))),
        ["events"],
    ),
    "sweep.sweep": (work_that_is_due, lambda user: sweep.sweep(), ["events"]),
}
#: Signals that Clarion listens to.
SIGNALS: dict[str, tuple[Callable[[list[User]], None], Callable[[User], Any], list[str]]] = {
    "a user is deactivated": (nothing, _deactivate, FRAME),
    "a user has a new password": (nothing, lambda user: (user.set_password("new"), user.save()), FRAME),
    "a user is deleted": (nothing, lambda user: user.delete(), FRAME),
}
#: Public functions that send nothing: they read, or write rows that others find.
SILENT = {
    "revocation.connect",
    "revocation.is_active",
    "busy.split",
    "dead_letters.discard",
    "mutes.mute",
    "mutes.mutes_of",
    "mutes.unmute",
    "pauses.hold_batch_if_paused",
    "pauses.hold_event_if_paused",
    "pauses.in_force",
    "pauses.pause",
    "pauses.resume",
    "pauses.waiting",
    "personal.erase",
    "personal.exported",
    "snapshots.counts",
    "snapshots.newest",
    "snapshots.one",
    "timeline.find",
    "timeline.lines_of",
    "work.claim_batch",
    "work.claim_event",
    "work.defer",
    "failures.record_failures",
    "work.finish",
    "work.finish_inline",
    "work.count_restart",
}
MODULES = (
    revocation,
    busy,
    marking,
    dead_letters,
    failures,
    mutes,
    pauses,
    personal,
    snapshots,
    recording,
    timeline,
    sweep,
    work,
)


def _public(module: ModuleType) -> set[str]:
    name = module.__name__.rpartition(".")[2]
    return {
        f"{name}.{function}"
        for function, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not function.startswith("_")
    }


def test_public_functions_listed() -> None:
    """Each public function is in one of the tables, so that its sending is tested."""
    assert set().union(*map(_public, MODULES)) == CALLS.keys() | SILENT


@pytest.mark.parametrize("name", [*CALLS, *SIGNALS])
@pytest.mark.parametrize("within", ["transaction", "savepoint"])
def test_caller_rolls_back(people: list[User], sent: Sent, name: str, within: str) -> None:
    """A rollback of the caller's transaction or savepoint sends nothing."""
    prepare, call, _ = (CALLS | SIGNALS)[name]
    prepare(people)
    before = list(Inbox.objects.values_list("user_id", "seq", "unread"))
    sent()
    with transaction.atomic(), transaction.atomic() if within == "savepoint" else nullcontext():
        call(people[0])
        transaction.set_rollback(True)
    assert sent() == []
    assert list(Inbox.objects.values_list("user_id", "seq", "unread")) == before


@pytest.mark.parametrize("name", [*CALLS, *SIGNALS])
def test_caller_commits(people: list[User], sent: Sent, name: str) -> None:
    """Messages are sent once, when the outermost transaction commits."""
    prepare, call, expected = (CALLS | SIGNALS)[name]
    prepare(people)
    sent()
    with transaction.atomic():
        with transaction.atomic():
            call(people[0])
        assert sent() == []
    assert sent() == expected


def test_frame_with_atomic_requests(people: list[User], sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ATOMIC_REQUESTS a frame is sent after the commit of its request."""
    an_inbox(people)
    sent()
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    open_when_published: list[bool] = []
    publish = marking.publish_frames

    def spy(*args: Any, **kwargs: Any) -> None:
        open_when_published.append(connection.in_atomic_block)
        publish(*args, **kwargs)

    monkeypatch.setattr(marking, "publish_frames", spy)
    client = Client()
    client.force_login(people[0])
    answer = client.post("/api/notifications/1/read")
    assert answer.json() == {"seq": 3, "unread": 1}
    assert open_when_published == [False]
    assert sent() == FRAME


@pytest.mark.parametrize("stage", [delivery.expand, delivery.deliver])
def test_stage_inside_transaction(people: list[User], sent: Sent, stage: Callable[..., None]) -> None:
    """A stage refuses to run inside a transaction.

    It would publish rows that its caller may roll back.
    """
    event_id = happened(first=people)
    sent()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        stage(event_id)
    assert sent() == []
