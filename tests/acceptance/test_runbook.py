"""The runbook, tried: each thing happens, the real Prometheus raises its alert, what the runbook says ends it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from dev.programs import PROMETHEUS
from dev.prometheus import Prometheus
from examples.forum.models import Thread
from pipeline.outbox import pauses
from pipeline.outbox.models import Event
from pipeline.outbox.recording import record
from shared.inbox.models import Notification
from tests import environment
from tests.acceptance.conftest import on_test_database
from tests.environment import FOLDER
from tests.factories import MessageFactory, ThreadFactory, UserFactory
from tests.integration.things import ThingHappened
from tests.processes import Beat, Edge, Web, Worker, wait_until
from tests.programs import needed

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "a token that only Prometheus and the web app of this test know"
RULES = (Path(__file__).resolve().parents[2] / "deploy/alerts.yml").read_text()


@dataclass
class System:
    """All that is watched, and who watches."""

    web: Web
    worker: Worker
    edge: Edge
    prometheus: Prometheus

    def raises(self, *alerts: str) -> None:
        """Prometheus raises these, and no other."""
        wait_until(lambda: self.prometheus.firing() == set(alerts), lambda: f"{self.prometheus.firing()} fire")


@pytest.fixture(scope="module")
def watched(django_db_setup: None, valkey: str) -> Iterator[System]:
    needed(PROMETHEUS)
    here = on_test_database()
    edge = Edge("watched-edge", **here)
    web = Web("watched-web", edge, CLARION_SERVICE_TOKENS=TOKEN, **here)
    worker = Worker("watched-worker", **here)
    jobs = {
        "edge": (edge.port, "/metrics"),
        "worker": (worker.port, "/metrics"),
        "web": (web.port, "/api/metrics"),
    }
    prometheus = Prometheus(FOLDER / "prometheus", jobs=jobs, token=TOKEN, rules=RULES)
    with edge, web, worker, prometheus:
        wait_until(lambda: prometheus.evaluated() == RULES.count("- alert:"), prometheus.unwell)
        yield System(web, worker, edge, prometheus)


@pytest.fixture
def system(watched: System, transactional_db: None) -> System:
    """Nothing is wrong yet."""
    assert watched.prometheus.unwell() == []
    watched.raises()
    return watched


@pytest.fixture
def place(transactional_db: None) -> Thread:
    return ThreadFactory.create(author=UserFactory.create(username="ann"))


def somebody_posts(place: Thread) -> None:
    MessageFactory.create(thread=place, author=UserFactory.create())


def two_minutes_pass() -> None:
    """For what waits; it is due since."""
    with connection.cursor() as cursor:
        past = "recorded_at - interval '2 minutes'"
        cursor.execute(f"UPDATE outbox_event SET recorded_at = {past}, next_attempt_at = {past} WHERE state <> 'done'")


def everything_is_told(to: User, count: int) -> None:
    wait_until(lambda: Notification.objects.filter(recipient_id=to.pk).count() == count, "not everything is told")
    wait_until(lambda: not Event.objects.exclude(state="done").exists(), "something is not done")


def said_by(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out, stderr=out)
    return out.getvalue()


def test_work_that_waits(system: System, place: Thread) -> None:
    system.worker.kill()
    somebody_posts(place)
    two_minutes_pass()
    system.raises("ClarionWorkWaits", "ClarionWorkerDown")
    assert "No worker consumes the queue events" in said_by("check", "--deploy", "--database", "default")
    with Beat():
        system.worker.start()
        everything_is_told(place.author, 1)
    system.raises()


def test_dead_letters(system: System) -> None:
    # The worker does not know this event: it is the tests' own, as after a deploy of web alone.
    event_id = record(ThingHappened(first=()), key="unknown")
    system.raises("ClarionDeadLetters")
    assert "UndeclaredEvent" in said_by("dead_letters")
    assert said_by("dead_letters", "discard", "event", str(event_id)) == "1 discarded\n"
    system.raises()


def test_a_paused_kind(system: System, place: Thread) -> None:
    assert said_by("pause", "THREAD_REPLY") == "The kind THREAD_REPLY is paused, within a second.\n"
    time.sleep(pauses.NOTICED_WITHIN_SECONDS)  # until the worker has to have noticed
    somebody_posts(place)
    system.raises("ClarionKindPaused")
    assert not Notification.objects.exists()
    assert said_by("pause").startswith("THREAD_REPLY  1 wait  since ")
    assert said_by("resume", "THREAD_REPLY") == "The kind THREAD_REPLY goes on; 1 had waited.\n"
    with Beat():
        everything_is_told(place.author, 1)
    system.raises()


def test_a_broker_that_is_down(system: System, place: Thread) -> None:
    environment.VALKEY.stop()
    try:
        somebody_posts(place)
        wait_until(lambda: "ClarionBrokerDown" in system.prometheus.firing(), "nobody notices")
    finally:
        environment.VALKEY.start()
    two_minutes_pass()
    with Beat():
        everything_is_told(place.author, 1)
    wait_until(lambda: "ClarionBrokerDown" not in system.prometheus.firing(), "it is still said to be down")
    wait_until(system.edge.is_up, "the edge did not come back")


def test_an_edge_that_is_gone(system: System) -> None:
    system.edge.kill()
    system.raises("ClarionEdgeDown")
    system.edge.start()
    system.raises()


def test_a_web_that_is_gone(system: System) -> None:
    system.web.kill()
    system.raises("ClarionWebDown")
    system.web.start()
    system.raises()
