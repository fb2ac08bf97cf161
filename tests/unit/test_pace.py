"""The pace of publishing: a burst goes out in one go, and what is beyond it at the rate."""

import pytest

from shared import publisher
from shared.publisher import BURST_BYTES, PACE_BYTES_PER_SECOND, Pace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which waiting moves on."""
    now = [1000.0]
    monkeypatch.setattr(publisher.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(publisher.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def test_a_burst_is_sent_in_one_go(clock: list[float]) -> None:
    pace = Pace()
    for _ in range(8):
        pace.wait(BURST_BYTES // 8)
    assert clock[0] == 1000.0


def test_beyond_a_burst_the_rate_holds(clock: list[float]) -> None:
    pace = Pace()
    size = 1 << 20
    for _ in range(1000):
        pace.wait(size)
    expected = (1000 * size - BURST_BYTES) / PACE_BYTES_PER_SECOND
    assert clock[0] - 1000.0 == pytest.approx(expected, rel=0.01)


def test_after_a_pause_there_is_a_burst_again(clock: list[float]) -> None:
    pace = Pace()
    pace.wait(10 * BURST_BYTES)
    clock[0] += 60
    before = clock[0]
    pace.wait(BURST_BYTES)
    assert clock[0] == before
