"""Long work beside small events: a backlog of an hour, a purge of many rows, a person who reads a large inbox."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from celery import Celery

from clarion.pipeline.celery.queues import BURSTS, EVENTS, PURGE, RETENTION, redis_key
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from tests.faults import evidence
from tests.faults.breakages import dead
from tests.faults.conftest import Trials
from tests.faults.evidence import Database
from tests.faults.stack import SHORT
from tests.faults.trial import Trial

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

#: Recipients of the event that is the backlog, and its batches.
CROWD = 10_000
BATCHES = CROWD // int(SHORT["CLARION_BATCH_SIZE"])
#: Old entries of the log to be purged, and the users whose they are.
OLD, OWNERS = 300_000, 1000
#: Redis gives an unacknowledged purge to another worker after this long, which is shorter than a slice (seconds).
VISIBILITY_SECONDS = 1
#: Notifications that one person has not read.
UNREAD = 1_000_000
#: Longest wait of nineteen in twenty small events beside all that (seconds).
PROMPT_SECONDS = 1.0

_AN_HOUR_OLD = """
UPDATE clarion_batch SET hinted_at = hinted_at - interval '1 hour', recorded_at = recorded_at - interval '1 hour',
       next_attempt_at = next_attempt_at - interval '1 hour'
 WHERE state = 'pending'
"""
_OLD_CHANGES = """
INSERT INTO clarion_change (recipient_id, seq, action, created_at)
SELECT %(first)s + n %% %(owners)s, n, 'read', now() - interval '1 year' FROM generate_series(1, %(old)s) n
"""
_INBOXES = """
INSERT INTO clarion_inbox (user_id, seq, unread)
SELECT id, %(seq)s, %(unread)s FROM unnest(%(users)s::bigint[]) id
"""
_UNREAD = """
WITH a AS (INSERT INTO clarion_announcement (event_id, kind, topic, data, created_at)
           VALUES (0, 'OLD', 'old', '{}', now()) RETURNING id)
INSERT INTO clarion_notification (recipient_id, seq, announcement_id, event_id, created_at)
SELECT %(reader)s, n, a.id, -n, now() FROM a, generate_series(1, %(unread)s) n
"""
_UNREAD_LEFT = "SELECT unread FROM clarion_inbox WHERE user_id = %s"


def users(run: Trial, count: int) -> list[int]:
    """People who are not checked by the trial."""
    with run.stack.database() as database:
        return evidence.people(database, f"{run.prefix}-more-", count)


def count(database: Database, sql: str, *params: object) -> int:
    row = database.execute(sql, params).fetchone()
    assert row is not None
    return int(row[0])


def prompt(delays: Sequence[float]) -> None:
    """Nineteen in twenty small events were not held up for longer."""
    assert delays[len(delays) * 19 // 20] < PROMPT_SECONDS, delays[-20:]


def test_backlog_of_an_hour(trial: Trials) -> None:
    """A backlog of an hour gets one hint for each row and does not delay small events.

    May notice: nothing, apart from the recipients of the backlog.
    """
    with trial("a backlog of an hour, hints lost", "the backlog takes its time", within=60) as run:
        stack = run.stack
        with stack.database() as database, stack.redis("broker") as broker:

            def pending() -> int:
                return count(database, "SELECT count(*) FROM clarion_batch WHERE state = 'pending'")

            with dead(stack, "alpha", "beta"):
                with stack.worker("expanding", queues="events"):
                    run.post("backlog", users(run, CROWD))
                    run.until(lambda: pending() >= BATCHES, lambda: f"{pending()} batches")
                database.execute(_AN_HOUR_OLD)
                broker.delete(redis_key(BURSTS))
            run.until(lambda: all(worker.is_up() for worker in stack.workers), "the workers are not up")
            # Small events that waited for dead workers come first, and do not count as delayed by the backlog.
            run.until(lambda: not broker.llen(redis_key(EVENTS)), "small events still wait")
            assert pending() > BATCHES // 2, "too little is left of the backlog"
            caught_up = time.monotonic()
            while pending() > BATCHES // 10:
                messages = broker.lrange(redis_key(BURSTS), 0, -1)
                hints = [json.loads(message)["headers"]["argsrepr"] for message in messages]
                assert len(hints) == len(set(hints)), "a row has more than one hint"
                run.some_more(5)
            prompt(run.delays(caught_up))


def test_long_purge(trial: Trials) -> None:
    """A purge longer than the visibility timeout does not delay small events.

    May notice: nothing. Its task is given to several workers, and sent again each second.
    """
    with trial("a long purge", "nothing", within=40) as run:
        owners = users(run, OWNERS)
        with run.stack.database() as database:
            database.execute(_INBOXES, {"users": owners, "seq": OLD, "unread": 0})
            database.execute("UPDATE clarion_retention SET finished_at = NULL")  # due, whenever the last pass was
            database.execute(_OLD_CHANGES, {"first": owners[0], "owners": OWNERS, "old": OLD})
            left = "SELECT count(*) FROM clarion_change WHERE recipient_id = ANY(%s)"
            beat = Celery(broker=run.stack.broker.url)
            beat.conf.broker_transport_options = {"global_keyprefix": redis_key("")}
            with run.stack.worker("impatient", FAULTS_VISIBILITY_SECONDS=str(VISIBILITY_SECONDS)):
                begun = time.monotonic()
                while count(database, left, owners):
                    beat.send_task(PURGE, queue=RETENTION)
                    run.passes(1)
                assert time.monotonic() - begun > 2 * VISIBILITY_SECONDS
                prompt(run.delays(begun))


def test_read_all_of_a_million(trial: Trials) -> None:
    """Reading a million notifications, half of them as a topic, delays nobody: neither the reader nor others."""
    with trial("one person reads a million notifications", "nothing", within=40) as run:
        (reader,) = users(run, 1)
        few, many = run.users[:3], run.users[3:19]
        with run.stack.database() as database, ThreadPoolExecutor() as threads:
            database.execute(_INBOXES, {"users": [reader], "seq": UNREAD, "unread": UNREAD})
            database.execute(_UNREAD, {"reader": reader, "unread": UNREAD})
            begun = time.monotonic()
            reading = threads.submit(read_all, run, reader, topic="old", through=UNREAD // 2)
            run.until(lambda: count(database, _UNREAD_LEFT, reader) < UNREAD, "nothing is read")
            run.post("few", [reader, *few])
            run.post("many", [reader, *many])
            run.until(lambda: run.heard("few", few) and run.heard("many", many), "they are not notified")
            run.until(lambda: count(database, _UNREAD_LEFT, reader) % 1000 == 2, "the reader is not notified")
            assert reading.result(60).status_code == 200
            assert read_all(run, reader, through=UNREAD).status_code == 200
            assert count(database, _UNREAD_LEFT, reader) == 2
        assert max(run.heard("few", few) or 0, run.heard("many", many) or 0) < PROMPT_SECONDS
        prompt(run.delays(begun))
    with run.stack.database() as database:  # so that later tests, which copy the data, need not copy these rows
        database.execute("DELETE FROM clarion_notification WHERE recipient_id = %s", [reader])
        database.execute("VACUUM FULL clarion_notification")


def read_all(run: Trial, reader: int, **which: Any) -> httpx.Response:
    token, _ = mint(reader, get_settings())
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(f"{run.stack.web_url}/api/notifications/read", json=which, headers=headers, timeout=60)
