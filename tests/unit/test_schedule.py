"""What beat asks for, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clarion.pipeline.celery.app import app
from clarion.pipeline.celery.scheduler import Every, Scheduler

pytestmark = pytest.mark.unit


def test_what_is_due_every_so_often_is_due_at_once_after_the_clock_was_set_back() -> None:
    every = Every(2.0, app=app)
    now = datetime.now(UTC)
    assert every.is_due(now - timedelta(seconds=3)) == (True, 2.0)
    is_due, seconds = every.is_due(now)
    assert not is_due
    assert 0 < seconds <= 2.0
    assert every.is_due(now + timedelta(minutes=10)) == (True, 2.0)


def test_all_that_beat_asks_for_stands_an_hour_between_its_clock_and_the_workers() -> None:
    for entry in app.conf.beat_schedule.values():
        assert isinstance(entry["schedule"], Every)
        assert entry["options"]["expires"] >= 3600


class Noting(Scheduler):
    """Records the tasks that it would send, without a broker."""

    producer = None

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(app)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        self.asked.append(entry.name)


@pytest.mark.parametrize("first", ["sweep", "sample"])
def test_everything_is_asked_for_again_whatever_came_next_when_the_clock_was_set_back(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    now = datetime.now(UTC)
    monkeypatch.setattr(app, "now", lambda: now)
    beat = Noting()
    while beat.tick() == 0:  # all that is due at first
        pass
    # Until the next is `first`, and it is a moment away.
    now += timedelta(seconds=1.5 if first == "sweep" else 14.5)
    while beat.tick() == 0:
        pass
    now -= timedelta(minutes=10)
    beat.asked.clear()
    end = now + timedelta(seconds=40)
    while now < end:
        now += timedelta(seconds=max(beat.tick(), 0) + 0.001)
    assert beat.asked.count("sweep") >= 18
    assert beat.asked.count("sample") >= 2
