"""The schedule of beat, and its clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clarion.pipeline.celery.app import app
from clarion.pipeline.celery.scheduler import Every, Scheduler

pytestmark = pytest.mark.unit


def test_every_after_clock_set_back() -> None:
    """A periodic task is due immediately after the clock was set back."""
    every = Every(2.0, app=app)
    now = datetime.now(UTC)
    assert every.is_due(now - timedelta(seconds=3)) == (True, 2.0)
    is_due, seconds = every.is_due(now)
    assert not is_due
    assert 0 < seconds <= 2.0
    assert every.is_due(now + timedelta(minutes=10)) == (True, 2.0)


def test_schedule_expiry() -> None:
    """Each scheduled task stays valid although the clocks of beat and workers differ by an hour."""
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
def test_beat_after_clock_set_back(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    """Beat sends all tasks on time after its clock was set back, whichever task was due next."""
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
