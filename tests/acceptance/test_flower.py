"""Flower, asked as an operator's browser asks it: names that a person understands, ids, and no secrets."""

import re
import signal
from collections.abc import Iterator

import psycopg
import pytest
from asgiref.sync import sync_to_async

from clarion.pipeline.celery.app import app
from clarion.pipeline.celery.queues import RECORD
from clarion.pipeline.celery.redaction import REDACTED
from clarion.pipeline.outbox.models import Event
from clarion.shared.settings import get_settings
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import all_done, person, post, thread, until
from tests.client import connected
from tests.factories import MessageFactory, ThreadFactory, UserFactory
from tests.processes import FLOWERS_PASSWORD, Edge, Flower, Worker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PRIVATE = "what nobody but the recipient shall read"


@pytest.fixture
def flower(valkey: str, db: None) -> Iterator[Flower]:
    with Flower(**on_test_database()) as process:
        yield process


async def test_flower_without_secrets(flower: Flower, edge: Edge) -> None:
    """Flower shows names and ids of tasks, and no private data or secrets."""
    assert flower.http("/api/tasks").status_code == 401
    ann, ben = await person(), await person()
    with Worker("live", **await sync_to_async(on_test_database)()):
        await until(lambda: "live@test" in flower.asked("/api/workers?refresh=1").json(), "it knows no worker")
        await until(lambda: flower.hears("live@test"), "it hears no worker")
        async with connected(edge.url, ann) as client:
            await post(await thread(ann), ben)
            notice = {"kind": "NEWS", "recipients": [ann.pk], "data": {"text": PRIVATE}}
            message = {"name": "clarion.notice.given.v1", "payload": notice, "key": "flower"}
            await sync_to_async(app.send_task)(RECORD, kwargs=message)
            await client.changes(2)
        await all_done()
        await until(lambda: sum(task["state"] == "SUCCESS" for task in flower.tasks()) >= 3, "tasks are missing")
        shown = {task["name"]: (task["args"], task["kwargs"]) for task in flower.tasks()}
        everything = flower.asked("/api/tasks").text + flower.asked("/api/workers?refresh=1").text
        pages = [flower.asked(path) for path in ("/workers", "/tasks", "/broker", "/worker/live@test")]
    names = ("expand", "deliver", "record", "sweep", "sample")
    assert set(shown) <= {f"pipeline.{name}" for name in names}
    assert re.fullmatch(r"\(\d+,\)", shown["pipeline.expand"][0])
    assert shown["pipeline.record"] == (REDACTED, REDACTED)
    assert {page.status_code for page in pages} == {200}
    for text in (everything, *(page.text for page in pages)):
        assert PRIVATE not in text
        assert get_settings().secret_key.get_secret_value() not in text
        assert FLOWERS_PASSWORD not in text


def test_flower_last_task_of_worker(flower: Flower) -> None:
    """Flower receives the result of the last task of a stopping worker.

    Events that are sent at intervals would be lost with the worker, if they were not sent at its end too.
    """
    ann, ben = UserFactory.create_batch(2)
    thread = ThreadFactory.create(author=ann)
    database = on_test_database()
    with Worker("live", **database) as worker:
        assert worker.popen is not None
        wait_until(lambda: flower.hears("live@test"), "it hears no worker")
        MessageFactory.create(thread=thread, author=ben)
        wait_until(lambda: Event.objects.filter(state="done").exists(), "Ann was not told")
        with psycopg.connect(database["DATABASE_URL"]) as other:
            other.execute("SELECT 1 FROM clarion_inbox WHERE user_id = %s FOR UPDATE", [ann.pk])
            MessageFactory.create(thread=thread, author=ben)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
            name = other.info.dbname
            wait_until(
                lambda: other.execute(waiting, [name]).fetchone() == (1,), "the task does not wait for the inbox"
            )
            worker.popen.send_signal(signal.SIGTERM)
            wait_until(lambda: "Warm shutdown" in worker.said(), "the worker does not end")
            other.rollback()
        assert worker.popen.wait(30) == 0
    wait_until(
        lambda: [task["state"] for task in flower.tasks() if task["name"] == "pipeline.expand"] == ["SUCCESS"] * 2,
        lambda: f"it knows {flower.tasks()}",
    )
