"""Flower, asked as an operator's browser asks it: names that a person understands, ids, and no secrets."""

import re
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async

from pipeline.celery import app
from pipeline.queues import RECORD
from pipeline.shown import UNSHOWN
from shared.settings import load
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import all_done, person, post, thread, until
from tests.client import connected
from tests.processes import FLOWERS_PASSWORD, Edge, Flower, Worker

pytestmark = pytest.mark.django_db(transaction=True)

PRIVATE = "what nobody but the recipient shall read"


@pytest.fixture
def flower(valkey: str, db: None) -> Iterator[Flower]:
    with Flower(**on_test_database()) as process:
        yield process


async def test_flower_shows_names_and_ids_and_no_secrets(flower: Flower, edge: Edge) -> None:
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
    assert set(shown) <= {"pipeline.expand", "pipeline.record", "pipeline.sweep", "pipeline.sample"}
    assert re.fullmatch(r"\(\d+,\)", shown["pipeline.expand"][0])
    assert shown["pipeline.record"] == (UNSHOWN, UNSHOWN)
    assert {page.status_code for page in pages} == {200}
    for text in (everything, *(page.text for page in pages)):
        assert PRIVATE not in text
        assert load().secret_key.get_secret_value() not in text
        assert FLOWERS_PASSWORD not in text
