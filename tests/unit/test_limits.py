"""A client may send so many messages a minute, and as many at once."""

from edge.limits import MessageRate


def test_a_minutes_worth_may_come_at_once_and_no_more() -> None:
    rate = MessageRate(60, now=0)
    assert [rate.allows(0) for _ in range(61)] == [True] * 60 + [False]


def test_it_fills_again_with_time_but_never_above_a_minutes_worth() -> None:
    rate = MessageRate(60, now=0)
    assert all(rate.allows(0) for _ in range(60))
    assert [rate.allows(1.01), rate.allows(1.01)] == [True, False]
    assert sum(rate.allows(10_000) for _ in range(100)) == 60
