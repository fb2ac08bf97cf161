"""The counts of the demo's load: delivered, on the way, lost, repeated, out of order."""

import pytest

from examples.forum.load.tally import LOST_AFTER_SECONDS, Counts, Tally

pytestmark = pytest.mark.unit

ANN, BEN = 1, 2


@pytest.fixture
def tally() -> Tally:
    """Of a load whose user has the seq 7 and three events, at time 0."""
    made = Tally()
    made.start(ANN, 7)
    for key in ("a", "b", "c"):
        made.record(key, ANN, 0)
    return made


def test_nothing_wrong(tally: Tally) -> None:
    """Notifications that arrive once and in order are delivered; changes without a key only move the seq."""
    assert tally.counts(1) == Counts(3, 0, 3, 0, 0, 0)
    for seq, key in ((8, "b"), (9, None), (10, "a"), (11, "c")):
        tally.change(ANN, seq, key)
    assert tally.counts(1) == Counts(recorded=3, delivered=3, on_the_way=0, lost=0, repeated=0, out_of_order=0)


def test_arrival_before_record() -> None:
    """A notification may arrive before its transaction has returned."""
    tally = Tally()
    tally.change(ANN, 1, "a")
    assert tally.counts(0) == Counts(0, 0, 0, 0, 0, 0)
    tally.record("a", ANN, 0)
    assert tally.counts(0) == Counts(1, 1, 0, 0, 0, 0)


def test_lost(tally: Tally) -> None:
    """A missing notification is lost after its time, and delivered if it arrives all the same."""
    tally.change(ANN, 8, "a")
    late = LOST_AFTER_SECONDS + 1
    tally.record("d", ANN, late)
    assert tally.counts(late) == Counts(4, 1, 1, 2, 0, 0)
    tally.change(ANN, 9, "b")
    assert tally.counts(late) == Counts(4, 2, 1, 1, 0, 0)


def test_arrival_at_another_user(tally: Tally) -> None:
    """A notification that another user received is not delivered."""
    tally.change(BEN, 1, "a")
    assert tally.counts(1).delivered == 0


@pytest.mark.parametrize("seq", [7, 8, 9])
def test_repeated(tally: Tally, seq: int) -> None:
    """A change with an old seq, or the same event with a new one, is repeated."""
    tally.change(ANN, 8, "a")
    tally.change(ANN, seq, "a")
    assert (tally.counts(1).repeated, tally.counts(1).out_of_order) == (1, 0)


def test_out_of_order(tally: Tally) -> None:
    """A change that skips a seq is out of order, and so is none after it."""
    tally.change(ANN, 9, "b")
    tally.change(ANN, 10, "c")
    assert (tally.counts(1).repeated, tally.counts(1).out_of_order) == (0, 1)


def test_snapshot(tally: Tally) -> None:
    """After a RESYNC the snapshot counts as delivered, and the seq goes on from there."""
    tally.change(ANN, 8, "a")
    tally.start(ANN, 10)
    tally.show(ANN, ["a", "b", "c"])
    tally.change(ANN, 11, None)
    assert tally.counts(1) == Counts(3, 3, 0, 0, 0, 0)
