"""Foreign contents of queues: malformed messages, unknown tasks, work that ends its worker each time."""

import base64
import json
import random
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from clarion.pipeline.celery.queues import redis_key
from clarion.pipeline.outbox.work import MAX_ATTEMPTS
from tests.faults.conftest import Trials
from tests.faults.stack import SERVICE_TOKEN, Stack
from tests.faults.trial import Trial

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

QUEUES = ("events", "bursts", "maintenance")


def message(task: object, args: object = (), kwargs: object = None, **changed: Any) -> bytes:
    """A message as Celery writes it, or one with something else in some place."""
    body = json.dumps(
        [args, {} if kwargs is None else kwargs, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    )
    whole = {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": str(uuid.uuid4()), "argsrepr": "", "kwargsrepr": ""},
        "properties": {
            "correlation_id": str(uuid.uuid4()),
            "delivery_mode": 2,
            "delivery_info": {"exchange": "events", "routing_key": "events"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }
    return json.dumps(whole | changed).encode()


def poisons(dice: random.Random) -> list[bytes]:
    """Messages that no part of ours would write."""
    expand = "pipeline.expand"
    pickled = base64.b64encode(b"cos\nsystem\n(S'touch /tmp/clarion-was-here'\ntR.").decode()
    ids: list[object] = [10**30, -1, 0, None, "7", "x", 1.5, [], {}, True, "1; DROP TABLE clarion_event", 2**63]
    names: list[object] = ["os.system", "", "pipeline.unknown", None, 7, "celery.backend_cleanup", "\x00", "x" * 10_000]
    return [
        *(message(expand, [one]) for one in ids),
        *(message("pipeline.deliver", [one]) for one in ids),
        *(message(name, [1]) for name in names),
        message(expand),
        message(expand, [1, 2, 3, 4]),
        message(expand, {"event_id": 1}),
        message(expand, [1], {"nobody": "knows"}),
        message(expand, [1], []),
        message("pipeline.record", ["no.such.event.v1", {}, "key"]),
        message("pipeline.record", ["clarion.notice.given.v1", {"kind": 7}, "key"]),
        message("pipeline.record", ["clarion.notice.given.v1", "text", None]),
        message("pipeline.sweep", [1]),
        message(expand, [1], **{"content-type": "application/x-python-serialize", "body": pickled}),
        message(expand, [1], **{"content-type": "application/x-yaml"}),
        message(expand, [1], **{"content-encoding": "nonsense"}),
        message(expand, [1], body="not base64 !!"),
        message(expand, [1], body=base64.b64encode(b"{not json").decode()),
        message(expand, [1], body=base64.b64encode(b"[" * 5000).decode()),
        message(expand, [1], body=base64.b64encode(b"null").decode()),
        message(expand, [1], headers={}),
        message(expand, [1], headers={"task": expand, "id": str(uuid.uuid4()), "enqueued_at": "yesterday"}),
        message(expand, [1], headers={"task": expand, "id": str(uuid.uuid4()), "enqueued_at": 1e300}),
        message(expand, [1], headers={"task": expand, "id": str(uuid.uuid4()), "expires": "never", "eta": "x"}),
        message(expand, [1], headers={"task": expand, "id": None}),
        message(expand, [1], headers={"task": expand, "id": str(uuid.uuid4()), "retries": "many", "timelimit": 7}),
    ]


def malformed(dice: random.Random) -> list[bytes]:
    """Malformed messages."""
    return [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"\xff\xfe\x00",
        b"{}",
        b'{"body": "x"}',
        b"[" * 20_000,
        message("pipeline.expand", [1], properties={}),
        message("pipeline.expand", [1], properties=None),
        message("pipeline.expand", [1], headers=None),
        message("pipeline.expand", [1], headers=[]),
        *(dice.randbytes(dice.randint(1, 500)) for _ in range(20)),
    ]


def put(stack: Stack, dice: random.Random, messages: list[bytes]) -> None:
    with stack.redis("broker") as client:
        for one in messages:
            client.lpush(redis_key(dice.choice(QUEUES)), one)


def counted(stack: Stack) -> float:
    return sum(worker.metric("clarion_messages_refused_total") for worker in stack.workers)


def worked_off(run: Trial) -> None:
    """All of it was taken from the queues, by workers that are still there."""

    def nothing_waits() -> bool:
        with run.stack.redis("broker") as client:
            waiting = [client.llen(redis_key(queue)) for queue in QUEUES]
            # An unacknowledged message comes again and again.
            return max(waiting) < 20 and client.hlen(redis_key("unacked")) < 20

    run.until(nothing_waits, "the queues are not worked off")
    assert [worker.exit_code() for worker in run.stack.workers] == [None, None]


@pytest.mark.parametrize("make", [poisons, malformed])
def test_garbage_on_queue(trial: Trials, make: Callable[[random.Random], list[bytes]]) -> None:
    """Malformed messages on a queue are refused and counted, and their workers stay.

    May notice: nothing, or a delay while a worker connects anew. The workers are the same ones afterwards.
    """
    with trial(f"garbage on the queue: {make.__name__}", "a delay", within=40) as run:
        pids = [worker.popen and worker.popen.pid for worker in run.stack.workers]
        refused = counted(run.stack)
        put(run.stack, run.dice, make(run.dice))
        run.some_more(40)
        worked_off(run)
        assert pids == [worker.popen and worker.popen.pid for worker in run.stack.workers]
        assert counted(run.stack) > refused


def test_poison_event_parked(trial: Trials) -> None:
    """An event that kills its worker each time is parked, and other work continues.

    May notice: a delay for each death of a worker. The other work of that worker is not lost.
    """
    with trial("poison: an event that kills its worker", "a delay each time a worker dies", within=60) as run:
        stack, key = run.stack, f"poison-{run.prefix}"
        stack.kill("alpha", "beta")
        payload = {"kind": "FAULT_TOLD", "recipients": [run.users[0]]}
        event = {"name": "clarion.notice.given.v1", "payload": payload, "key": key}
        headers = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
        assert httpx.post(f"{stack.web_url}/api/events", json=event, headers=headers, timeout=10).status_code == 202
        doomed = stack.worker("doomed", FAULTS_POISON=key)
        deaths, deadline = -1, time.monotonic() + 120
        try:
            while state(stack, key) != "failed":
                assert time.monotonic() < deadline, f"it is not parked after {deaths} deaths: {state(stack, key)}"
                if doomed.popen is None or doomed.exit_code() is not None:
                    deaths += 1
                    doomed.launch()
                run.passes(0.05)
        finally:
            doomed.kill()
        assert 1 <= deaths <= MAX_ATTEMPTS + 1  # the first start is not counted
        stack.start("alpha", "beta")


def state(stack: Stack, key: str) -> str:
    with stack.database() as database:
        row = database.execute("SELECT state FROM clarion_event WHERE key = %s", [key]).fetchone()
    assert row is not None
    return str(row[0])
