"""Postgres: restarted, refusing, its connections killed, a lock held, taken back in time, out of disk."""

import pytest

from tests.faults.conftest import Trials

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

#: How long a lock is held (seconds): longer than the edge waits for one read.
LOCKED_SECONDS = 5


def test_a_postgres_that_restarts_delays_everything(trial: Trials) -> None:
    """May notice: nothing can be posted until it is back, and what was not answered may or may not have happened."""
    with trial("Postgres restarted", "nothing is posted or told until it is back", within=40, emit_bound=None) as run:
        run.stack.postgres.restart()


def test_a_postgres_that_crashes_loses_nothing_that_was_committed(trial: Trials) -> None:
    """May notice: the same."""
    with trial("Postgres killed", "nothing is posted or told until it is back", within=40, emit_bound=None) as run:
        run.stack.postgres.kill()
        run.passes(1)
        run.stack.postgres.start()


def test_a_postgres_that_refuses_connections_delays_everything(trial: Trials) -> None:
    """May notice: the same; sockets stay open."""
    with trial(
        "Postgres refuses connections", "nothing is posted or told meanwhile", within=40, emit_bound=None
    ) as run:
        links = [run.stack.links[f"{who}-postgres"] for who in ("web", "workers", "edges")]
        for link in links:
            link.cut()
        run.passes(3)
        for link in links:
            link.heal()


def test_connections_of_postgres_that_are_killed_are_made_anew(trial: Trials) -> None:
    """May notice: what was under way is refused, or a moment late."""
    with trial("connections of Postgres killed", "a request under way may fail", within=40, emit_bound=None) as run:
        for _ in range(5):
            with run.stack.database() as database:
                database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'clarion'"
                    " AND pid <> pg_backend_pid()"
                )
            run.some_more(5)


def test_a_lock_that_is_held_for_long_delays_who_wants_it(trial: Trials) -> None:
    """May notice: the inboxes that are locked are told later; posting goes on."""
    with trial("a lock held for long", "the inboxes that are locked are told later", within=40) as run:
        locked = "SELECT 1 FROM inbox_inbox WHERE user_id = ANY(%s) FOR UPDATE"
        with run.stack.database() as database, database.transaction():
            database.execute(locked, [run.users[:3]])
            run.passes(LOCKED_SECONDS)
