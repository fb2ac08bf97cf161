"""Steps of a test without sockets: an event is recorded, work becomes due, several functions run concurrently."""

import threading
from collections.abc import Callable

from django.contrib.auth.models import User
from django.db import connection, connections

from clarion.pipeline.outbox.recording import record
from tests.integration.things import ThingHappened


def happened(key: str = "thing", actor: User | None = None, **who: list[User]) -> int:
    """Record an event; the recipients are given by the names of the audiences."""
    event = ThingHappened(**{name: tuple(person.pk for person in people) for name, people in who.items()})
    return record(event, key=key, actor_id=actor.pk if actor else None)


def due_now() -> None:
    """All unfinished work is due at this moment."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clarion_event SET next_attempt_at = now()")
        cursor.execute("UPDATE clarion_batch SET next_attempt_at = now()")


def failing_for(hours: float) -> None:
    """All unfinished work has failed for so long."""
    with connection.cursor() as cursor:
        for table in ("clarion_event", "clarion_batch"):
            cursor.execute(f"UPDATE {table} SET failing_since = now() - make_interval(mins => %s)", [int(hours * 60)])


def at_once(*work: Callable[[], object]) -> None:
    """Run these concurrently, each with its own connection; raise the exception of any."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(work))

    def run(step: Callable[[], object]) -> None:
        try:
            barrier.wait()
            step()
        except BaseException as failure:  # noqa: BLE001 - handed to the test
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(step,)) for step in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
