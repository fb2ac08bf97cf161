"""What beat asks for, and when."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.celery import Every, app

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
