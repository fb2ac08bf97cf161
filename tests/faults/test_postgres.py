"""Postgres: restarted, refusing, its connections killed, a lock held, taken back in time, its disk full, migrated."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
from celery import Celery
from psycopg import errors as database_errors

from tests.faults import evidence
from tests.faults import standby as standbys
from tests.faults.background import Background
from tests.faults.breakages import cut, dead, server_dead, server_frozen, sessions_ended
from tests.faults.conftest import Trials
from tests.faults.stack import Stack
from tests.programs import cannot_run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

#: How long a lock is held, and how long Postgres says nothing (seconds): longer than the edge waits for one read.
LOCKED_SECONDS = 5

#: Longest time to a pong, while the edge waits for Postgres (seconds).
PONG_SECONDS = 2

#: Less than any table has that is written to.
FILES_FULL_BYTES = 16_384

#: Messages of a service, how long Postgres is away for them (seconds), and an id that no user of the trial has.
MESSAGES = 20
AWAY_SECONDS = 8
NOBODYS_ID = 2**40

NOTHING_MEANWHILE = "nothing is posted or told meanwhile"

#: Tables on the way of an event, of which each new version may want another column.
TABLES = (
    "clarion_event",
    "clarion_batch",
    "clarion_announcement",
    "clarion_notification",
    "clarion_inbox",
    "clarion_change",
)


def test_postgres_restart(trial: Trials) -> None:
    """A restart of Postgres delays events and loses none.

    May notice: posts fail until it is back, and an unanswered one may or may not be stored.
    """
    with trial("Postgres restarted", NOTHING_MEANWHILE, within=40, emit_bound=None) as run:
        run.stack.postgres.restart()


def test_postgres_crash(trial: Trials) -> None:
    """A crash of Postgres loses no committed event.

    May notice: posts fail until it is back, and an unanswered one may or may not be stored.
    """
    with (
        trial("Postgres killed", NOTHING_MEANWHILE, within=40, emit_bound=None) as run,
        server_dead(run.stack, "postgres"),
    ):
        run.passes(1)


def test_postgres_refuses_connections(trial: Trials) -> None:
    """A Postgres that refuses connections delays events and loses none.

    May notice: posts fail meanwhile; sockets stay open.
    """
    pairs = ("web-postgres", "workers-postgres", "edges-postgres")
    with (
        trial("Postgres refuses connections", NOTHING_MEANWHILE, within=40, emit_bound=None) as run,
        cut(run.stack, *pairs),
    ):
        run.until(run.nobody_is_ready, "the edges have Postgres all the same")
        run.passes(2)


def test_postgres_frozen(trial: Trials, background: Background) -> None:
    """A frozen Postgres delays events, and the edges still answer pings.

    May notice: posts fail meanwhile; sockets stay open.
    """
    with (
        trial("Postgres frozen", NOTHING_MEANWHILE, within=40, emit_bound=None) as run,
        server_frozen(run.stack, "postgres"),
    ):
        run.passes(LOCKED_SECONDS)
        assert max(background.call(follower.ping()) for follower in run.followers) < PONG_SECONDS


def test_postgres_connections_killed(trial: Trials) -> None:
    """Killed connections of Postgres are made again.

    May notice: running requests fail, or are a moment late.
    """
    with trial("connections of Postgres killed", "a request under way may fail", within=40, emit_bound=None) as run:
        for _ in range(5):
            with sessions_ended(run.stack):
                run.some_more(5)


def test_long_lock(trial: Trials) -> None:
    """A long lock delays only the notifications of the locked inboxes.

    May notice: owners of locked inboxes are notified later, and their actions wait; posting continues.
    """
    with trial("a lock held for long", "the inboxes that are locked are told later", within=40) as run:
        locked = "SELECT 1 FROM clarion_inbox WHERE user_id = ANY(%s) FOR UPDATE"
        with run.stack.database() as database, database.transaction():
            database.execute(locked, [run.users[:3]])
            run.passes(LOCKED_SECONDS)


def test_failover_to_older_state(trial: Trials) -> None:
    """After a failover to an older state clients read the snapshot.

    May notice: rows that Postgres has lost disappear, also from the screen.
    """
    with trial(
        "failover to an older state (epoch)", "a snapshot; what Postgres lost is gone",
        within=60, emit_bound=None, resyncs=True,
    ) as run:  # fmt: skip
        stack = run.stack
        stack.postgres.stop()
        older = stack.postgres.home.with_name("older")
        subprocess.run(["cp", "-a", str(stack.postgres.home), str(older)], check=True)
        stack.postgres.start()
        run.some_more(40)
        stack.postgres.kill()
        shutil.rmtree(stack.postgres.home)
        older.rename(stack.postgres.home)
        stack.postgres.start()
        emitted = frozenset(one.key for one in run.load.emitted)
        new_epoch = [sys.executable, "-m", "django", "new_epoch"]
        subprocess.run(new_epoch, env=os.environ | {"DATABASE_URL": stack.postgres.url}, check=True)
        with dead(stack, "left", "right"), stack.database() as database:
            # In this order: events from now on are committed before they are answered.
            run.forgiven = emitted - evidence.committed(database, run.prefix)


def test_lagging_standby_promoted(trial: Trials) -> None:
    """The promotion of a lagging standby begins a new epoch without an operator.

    May notice: notifications that the standby did not get are gone, and a snapshot is read.
    """
    with trial(
        "a lagging standby promoted", "a snapshot; what the standby had not received is gone",
        within=60, emit_bound=None, resyncs=True,
    ) as run:  # fmt: skip
        stack = run.stack
        with stack.database() as database:
            before = evidence.epoch(database)
        standby = standbys.started(stack)
        run.some_more(10)
        run.until(lambda: standbys.caught_up(stack, standby), "the standby does not follow")
        standby.stop()  # from here on it lags
        run.some_more(40)
        stack.postgres.kill()
        emitted = frozenset(one.key for one in run.load.emitted)
        standbys.replace_postgres(stack, standby)  # still read-only, as after a failover until the promotion
        run.passes(1)
        with stack.database() as database:
            run.forgiven = emitted - evidence.committed(database, run.prefix)
            database.execute("SELECT pg_promote()")
        run.some_more(10)
        with stack.database() as database:
            assert evidence.epoch(database) != before


def test_service_messages_without_postgres(trial: Trials) -> None:
    """Messages of a service wait while Postgres is unavailable, and all are kept.

    May notice: they come later. One with an undeclared event is kept too.
    """
    with trial("Postgres away, messages of a service", NOTHING_MEANWHILE, within=60, emit_bound=None) as run:
        stack = run.stack
        sender = Celery(broker=stack.broker.url)
        sender.conf.broker_transport_options = {"global_keyprefix": "clarion:"}
        prefix = f"message-{run.prefix}"
        with server_dead(stack, "postgres"):
            for number in range(MESSAGES):
                payload = {"kind": "OF_A_SERVICE", "recipients": [NOBODYS_ID]}
                send(sender, name="clarion.notice.given.v1", key=f"{prefix}-{number}", payload=payload)
            send(sender, name="nobody.declares.this.v1", key=f"{prefix}-unknown", payload={})
            run.passes(AWAY_SECONDS)
        with stack.database() as database:

            def kept(sql: str, *params: str) -> int:
                row = database.execute(sql, params).fetchone()
                assert row is not None
                return int(row[0])

            run.until(
                lambda: kept("SELECT count(*) FROM clarion_event WHERE key LIKE %s", f"{prefix}-%") == MESSAGES,
                "messages were lost",
            )
            run.until(
                lambda: kept("SELECT count(*) FROM clarion_event WHERE name = 'clarion.message.rejected.v1'"
                             " AND payload->'kwargs'->>'key' = %s", f"{prefix}-unknown") == 1,
                "the message that cannot be recorded was lost",
            )  # fmt: skip
            database.execute("DELETE FROM clarion_event WHERE name = 'clarion.message.rejected.v1'")


def send(sender: Celery, **event: Any) -> None:
    """As a program of another team does it."""
    sender.send_task("pipeline.record", kwargs=event, queue="events", ignore_result=True)


@contextmanager
def disk_full(stack: Stack) -> Iterator[None]:
    """Nothing more fits on the disk of Postgres."""
    filler = stack.disk / "filler"
    with filler.open("wb") as file, contextlib.suppress(OSError):
        while True:  # in smaller and smaller pieces, since Postgres goes on writing meanwhile
            os.posix_fallocate(file.fileno(), filler.stat().st_size, max(shutil.disk_usage(stack.disk).free // 2, 4096))
    yield
    filler.unlink()
    stack.postgres.start()  # it ends where it finds no place for its log


@contextmanager
def files_full(stack: Stack) -> Iterator[None]:
    """No file of Postgres can grow: as near to a full disk as it gets where no disk can be mounted."""
    limit_files(stack, FILES_FULL_BYTES)
    yield
    limit_files(stack, None)
    stack.postgres.start()


def limit_files(stack: Stack, size: int | None) -> None:
    """What the processes of Postgres may write, set by their own account, who may do so without further rights."""
    assert stack.postgres.process is not None
    with contextlib.suppress(psutil.NoSuchProcess):
        postmaster = psutil.Process(stack.postgres.process.pid)
        for process in (postmaster, *postmaster.children()):
            command = ["prlimit", f"--pid={process.pid}", f"--fsize={'unlimited' if size is None else size}:"]
            account: dict[str, Any] = {}
            if os.geteuid() == 0:
                account = {"user": process.uids().real, "group": process.gids().real, "extra_groups": []}
            done = subprocess.run(command, capture_output=True, text=True, check=False, **account)
            assert done.returncode == 0 or not process.is_running(), done.stderr


@pytest.mark.parametrize("full", [disk_full, files_full])
def test_full_disk(
    trial: Trials, stack: Stack, full: Callable[[Stack], contextlib.AbstractContextManager[None]]
) -> None:
    """A full disk of Postgres delays events and loses none.

    May notice: no posts and no notifications until there is room.
    """
    if full is disk_full and not stack.disk_is_own:
        pytest.skip("no small disk can be mounted here: files that cannot grow stand for it")
    if shutil.which("prlimit") is None:
        cannot_run("prlimit is not installed: a full disk is not tested. Debian and Ubuntu: apt install util-linux.")
    name = "disk full for Postgres" if full is disk_full else "files of Postgres cannot grow"
    with trial(name, NOTHING_MEANWHILE, within=60, emit_bound=None) as run, full(stack):
        run.until(lambda: sum(one.outcome == "unknown" for one in run.load.emitted) >= 3, "all is recorded")
        run.passes(2)


def test_columns_added_and_dropped(trial: Trials) -> None:
    """Columns added and dropped under running processes have no effect.

    May notice: nothing. Columns come, with a default, under processes that do not know them, and go.
    """
    with trial("a deploy that adds columns", "nothing", within=40) as run:
        for change in ("ADD COLUMN of_tomorrow text NOT NULL DEFAULT 'x'", "DROP COLUMN of_tomorrow"):
            for table in TABLES:
                migrate(run.stack, f"ALTER TABLE {table} {change}")
            run.some_more()


def migrate(stack: Stack, statement: str) -> None:
    """As a careful migration does: it waits for its lock in short turns, so that others do not wait behind it."""
    with stack.database() as database:
        database.execute("SET lock_timeout = '300ms'")
        for _ in range(100):
            try:
                database.execute(statement)
            except database_errors.LockNotAvailable:
                continue
            return
    raise AssertionError(f"never had its lock: {statement}")
