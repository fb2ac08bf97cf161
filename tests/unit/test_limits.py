"""A client may send so many messages a minute, and as many at once."""

from clarion.edge.limits import (
    REFUSALS_FORGOTTEN_SECONDS,
    REFUSALS_MAX,
    ConcurrencyLimit,
    KeyedRateLimit,
    Refusals,
    TokenBucket,
)


def test_a_minutes_worth_may_come_at_once_and_no_more() -> None:
    rate = TokenBucket(60, now=0)
    assert [rate.allows(0) for _ in range(61)] == [True] * 60 + [False]


def test_it_fills_again_with_time_but_never_above_a_minutes_worth() -> None:
    rate = TokenBucket(60, now=0)
    assert all(rate.allows(0) for _ in range(60))
    assert [rate.allows(1.01), rate.allows(1.01)] == [True, False]
    assert sum(rate.allows(10_000) for _ in range(100)) == 60


def test_so_many_at_once_and_each_that_leaves_makes_room() -> None:
    limit = ConcurrencyLimit(2)
    assert [limit.enter("a"), limit.enter("a"), limit.enter("a"), limit.enter("b")] == [True, True, False, True]
    limit.leave("a")
    assert limit.enter("a")
    for name in ("a", "a", "b"):
        limit.leave(name)
    assert not limit._counts


def test_each_name_has_a_rate_of_its_own_and_quiet_ones_are_forgotten() -> None:
    rates = KeyedRateLimit(2)
    assert [rates.allows("a", 100), rates.allows("a", 100), rates.allows("a", 100)] == [True, True, False]
    assert rates.allows("b", 100)
    assert rates.allows("c", 200)
    assert set(rates._rates) == {"c"}


def test_refusals_that_repeat_are_answered_later_and_later_within_a_bound() -> None:
    refusals = Refusals(30)
    assert [refusals.delay("a", 100) for _ in range(10)] == [0, 0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert refusals.delay("b", 100) == 0
    assert refusals.delay("a", 100 + REFUSALS_FORGOTTEN_SECONDS + 1) == 0
    assert list(refusals._refused) == ["a"]
    assert all(Refusals(0).delay("a", 0) == 0 for _ in range(10))


def test_refusals_of_many_names_have_a_bound() -> None:
    refusals = Refusals(30)
    for name in range(REFUSALS_MAX + 10):
        refusals.delay(name, 0)
    assert len(refusals._refused) == REFUSALS_MAX
