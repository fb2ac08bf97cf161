"""The runbook, tried: each fault occurs, the real Prometheus raises its alert, and the documented remedy ends it."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from clarion.pipeline.outbox import pauses
from clarion.pipeline.outbox.models import Event
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Inbox, Notification
from clarion.shared.protocol import Close
from dev.programs import PROMETHEUS
from examples.forum.models import Thread
from tests import environment
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import filled
from tests.acceptance.watched import System, listening, said_by
from tests.docs.blocks import blocks_of
from tests.factories import MessageFactory, ThreadFactory, UserFactory
from tests.integration.things import ThingHappened
from tests.processes import Beat, Edge, Process, wait_until
from tests.programs import needed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def watched(django_db_setup: None, valkey: str) -> Iterator[System]:
    needed(PROMETHEUS)
    with System.running() as system:
        yield system


@pytest.fixture
def system(watched: System, transactional_db: None) -> System:
    """Nothing is wrong yet."""
    assert watched.prometheus.unwell() == []
    watched.raises()
    return watched


@pytest.fixture
def place(transactional_db: None) -> Thread:
    return ThreadFactory.create(author=UserFactory.create(username="ann"))


def somebody_posts(place: Thread, times: int = 1) -> None:
    for _ in range(times):
        MessageFactory.create(thread=place, author=UserFactory.create())


def two_minutes_pass() -> None:
    """Set the times of all waiting work back; it is due since then."""
    with connection.cursor() as cursor:
        past = "recorded_at - interval '2 minutes'"
        cursor.execute(f"UPDATE clarion_event SET recorded_at = {past}, next_attempt_at = {past} WHERE state <> 'done'")


def everything_is_told(to: User, count: int) -> None:
    wait_until(lambda: Notification.objects.filter(recipient_id=to.pk).count() == count, "not everything is told")
    wait_until(lambda: not Event.objects.exclude(state="done").exists(), "something is not done")


def test_runbook_waiting_work(system: System, place: Thread) -> None:
    """Waiting work raises its alerts, and starting the worker ends them."""
    system.worker.kill()
    somebody_posts(place)
    two_minutes_pass()
    system.raises("ClarionWorkWaits", "ClarionWorkerDown")
    assert "No worker consumes the queue events" in said_by("check", "--deploy", "--database", "default")
    with Beat():
        system.worker.start()
        everything_is_told(place.author, 1)
    system.raises()


def test_runbook_late_frames(system: System, place: Thread) -> None:
    """Late frames raise an alert, and the trace shows the delay."""
    with listening(system.edge, place.author) as client:
        system.worker.kill()
        # Of ten that are sent live one is measured, and some overtake each other and are sent together.
        somebody_posts(place, 40)
        two_minutes_pass()
        with Beat():
            system.worker.launch()  # not waited for: waiting work may be delivered before it is up
            system.raises_among_others("ClarionFramesLate")
            everything_is_told(place.author, 40)
        client.until(40)
        story = said_by("trace", str(Event.objects.earliest("recorded_at").pk))
        assert re.search(r"\+1[2-9]\d,\d{3}\.\d ms  expanded:", story), story  # it waited, and then was quick
        somebody_posts(place, 40)
        client.until(80)
    system.raises()


def test_runbook_dead_letters(system: System) -> None:
    """A dead letter raises an alert, and discarding it ends the alert."""
    # The worker does not know this event, which is declared by the tests alone; it has tried it for a day.
    event_id = record(ThingHappened(first=()), key="unknown")
    Event.objects.filter(pk=event_id).update(failing_since=timezone.now() - timedelta(hours=25))
    system.raises("ClarionDeadLetters")
    assert "UndeclaredEvent" in said_by("dead_letters")
    assert said_by("dead_letters", "discard", "event", str(event_id)) == "1 discarded\n"
    system.raises()


def test_runbook_paused_kind(system: System, place: Thread) -> None:
    """A paused kind raises an alert, and resuming it ends the alert."""
    assert said_by("pause", "THREAD_REPLY") == "The kind THREAD_REPLY is paused; workers follow within a second.\n"
    time.sleep(pauses.NOTICED_WITHIN_SECONDS)  # until the worker has to have noticed
    somebody_posts(place)
    system.raises("ClarionKindPaused")
    assert not Notification.objects.exists()
    assert said_by("pause").startswith("THREAD_REPLY  1 wait  since ")
    assert (
        said_by("resume", "THREAD_REPLY")
        == "The kind THREAD_REPLY is resumed; 1 held events and batches are enqueued.\n"
    )
    with Beat():
        everything_is_told(place.author, 1)
    system.raises()


def test_runbook_broker_down(system: System, place: Thread) -> None:
    """An unavailable broker raises its alerts, and nothing is lost."""
    keys = iter(range(10**6))
    environment.VALKEY.stop()
    try:
        system.raises_among_others(
            "ClarionBrokerDown", "ClarionHintsRefused", by=lambda: system.records(place.author, f"down-{next(keys)}")
        )
    finally:
        environment.VALKEY.start()
    two_minutes_pass()
    with Beat():
        everything_is_told(place.author, next(keys))
    system.raises()


def test_runbook_channel_layer_down(system: System, place: Thread) -> None:
    """An unavailable or unstable channel layer raises its alerts, and nothing is lost."""
    with listening(system.edge, place.author) as client:
        system.layer.stop()
        try:
            system.raises_among_others("ClarionNotPublished", by=lambda: somebody_posts(place))
            assert system.edge.http("/readyz").json().items() >= {"redis": False, "postgres": True}.items()
            client.until(1)  # stored, and read from Postgres meanwhile
            system.raises_among_others("ClarionLayerFlaps", by=lambda: comes_and_goes(system))
        finally:
            system.layer.start()
        two_minutes_pass()
        posted = Event.objects.count()
        with Beat():
            everything_is_told(place.author, posted)
        client.until(posted)
        system.raises()


def comes_and_goes(system: System) -> None:
    system.layer.start()
    wait_until(system.edge.is_up, "the edge did not come back")
    system.layer.stop()


def test_runbook_edge_cannot_read(system: System, place: Thread) -> None:
    """An edge that cannot read raises an alert, and the documented statements end the lock."""
    with (
        listening(system.edge, place.author) as client,
        closing(psycopg.connect(on_test_database()["DATABASE_URL"])) as somebody,
    ):
        assert client.next()["type"] == "CONNECTED"
        somebody.execute("LOCK TABLE clarion_inbox")
        system.raises("ClarionRepairsFail")
        with listening(system.edge, place.author) as late:
            assert late.closed() == Close.GOING_AWAY
        assert ended_who_others_wait_for() == somebody.info.backend_pid
        system.raises()
        somebody_posts(place)
        client.until(1)


def ended_who_others_wait_for() -> int:
    """Follow the runbook: find the idle session that others wait for and end it; return its process."""
    [look, end] = [block.text for block in blocks_of("test_runbook_edge_cannot_read")]
    with connection.cursor() as cursor:
        waited_for: set[int] = set()

        def found() -> bool:
            cursor.execute(look)
            rows = [dict(zip([column.name for column in cursor.description], row, strict=True)) for row in cursor]
            idle = {row["pid"] for row in rows if row["state"] == "idle in transaction"}
            waited_for.update(idle & {pid for row in rows for pid in row["waits_for"]})
            return bool(waited_for)

        wait_until(found, "nobody waits for anybody")
        [pid] = waited_for
        cursor.execute(end.replace("17", str(pid)))
    return pid


def test_runbook_quietly_lost_frames(system: System, place: Thread) -> None:
    """A worker with another prefix raises an alert for lost frames."""
    with listening(system.edge, place.author) as client:

        def somebody_is_heard() -> None:
            somebody_posts(place)
            client.until(client.seq + 1)

        with system.otherwise(system.worker, CLARION_CHANNEL_LAYER_PREFIX="older"):
            sent_live = live_frames(system.edge)
            system.raises_among_others("ClarionQuietLoss", by=somebody_is_heard)
            assert live_frames(system.edge) == sent_live
            assert layer_of(system.worker) != layer_of(system.edge)
        assert layer_of(system.worker) == layer_of(system.edge)
        for _ in range(5):
            somebody_is_heard()
        assert live_frames(system.edge) > sent_live
    system.raises()


def live_frames(edge: Edge) -> float:
    """How many frames came to sockets of this edge by the channel layer."""
    line = re.search(r'^clarion_edge_frames_total\{source="live"\} (\S+)$', edge.http("/metrics").text, flags=re.M)
    assert line is not None
    return float(line[1])


def layer_of(process: Process) -> dict[str, str]:
    """Where a process that runs thinks the channel layer is, as `env` in its container would say."""
    assert process.popen is not None
    variables = Path(f"/proc/{process.popen.pid}/environ").read_text().split("\0")
    return dict(one.split("=", 1) for one in variables if "CHANNEL_LAYER" in one)


def test_runbook_cursors_after_restore(system: System) -> None:
    """Cursors from before a restored backup raise an alert, and `new_epoch` ends it."""
    people = UserFactory.create_batch(4)
    for user in people:
        async_to_sync(filled)(user.pk, 5, published=False)
    # A backup from when each had two. Each comes back once, within moments.
    Notification.objects.filter(seq__gt=2).delete()
    Inbox.objects.update(seq=2, unread=2)
    for user in people:
        with listening(system.edge, user, since=5, epoch="0") as client:
            assert client.next()["type"] == "CONNECTED"
            assert client.next()["reason"] == "AHEAD"
    system.raises("ClarionCursorsRefused")
    ann = people[0]
    async_to_sync(filled)(ann.pk, 4, first=3, published=False)
    with listening(system.edge, ann, since=5, epoch="0") as client:
        assert client.next()["resumed"]  # silently wrong: of the new 3 to 5 this client has seen nothing
        client.until(6)
        epoch = said_by("new_epoch").split()[3]
        assert client.next()["reason"] == "EPOCH"
    for user in people:
        with listening(system.edge, user, since=2, epoch="0") as client:
            assert client.next()["epoch"] == epoch
            assert client.next()["reason"] == "EPOCH"
    system.raises()
    with listening(system.edge, ann, since=6, epoch=epoch) as client:
        assert client.next()["resumed"]
        client.nothing_came()


def test_runbook_many_refusals(system: System, place: Thread) -> None:
    """Many refused tokens raise an alert that names the reason."""

    def is_refused() -> None:
        with listening(system.edge, place.author) as client:
            assert client.closed() == Close.BAD_TOKEN

    with system.otherwise(system.edge, CLARION_JWT_KEYS="a key of before that web does not have any more"):
        said = system.raises_among_others("ClarionManyRefused", by=is_refused)
        assert said["ClarionManyRefused"].endswith(": INVALID")
    with listening(system.edge, place.author) as client:
        assert client.next()["type"] == "CONNECTED"
    system.raises()


def test_runbook_edge_down(system: System) -> None:
    """A dead edge raises an alert, and its restart ends it."""
    system.edge.kill()
    system.raises("ClarionEdgeDown")
    system.edge.start()
    system.raises()
    for series in (
        'repairs_total{cause="quiet"}',
        'resyncs_total{reason="EPOCH"}',
        'auth_failures_total{reason="INVALID"}',
    ):
        assert f"clarion_edge_{series} 0.0" in system.edge.http("/metrics").text  # or the first would be no increase


def test_runbook_web_down(system: System) -> None:
    """A dead web process raises an alert, and its restart ends it."""
    system.web.kill()
    system.raises("ClarionWebDown")
    system.web.start()
    system.raises()
    assert 'clarion_enqueue_failed_total{task="pipeline.expand"} 0.0' in system.web_counts()
