"""Rates, concurrency and refusals of clients have limits."""

from clarion.edge.limits import (
    REFUSALS_FORGOTTEN_SECONDS,
    REFUSALS_MAX,
    ConcurrencyLimit,
    KeyedRateLimit,
    Refusals,
    TokenBucket,
)


def test_rate_limit_burst() -> None:
    """A full minute's allowance may be used immediately, and no more."""
    rate = TokenBucket(60, now=0)
    assert [rate.allows(0) for _ in range(61)] == [True] * 60 + [False]


def test_rate_limit_refill() -> None:
    """The allowance refills with time, up to one minute's worth."""
    rate = TokenBucket(60, now=0)
    assert all(rate.allows(0) for _ in range(60))
    assert [rate.allows(1.01), rate.allows(1.01)] == [True, False]
    assert sum(rate.allows(10_000) for _ in range(100)) == 60


def test_concurrency_limit() -> None:
    """Each name has a maximum of concurrent entries, and an entry that leaves makes room."""
    limit = ConcurrencyLimit(2)
    assert [limit.enter("a"), limit.enter("a"), limit.enter("a"), limit.enter("b")] == [True, True, False, True]
    limit.leave("a")
    assert limit.enter("a")
    for name in ("a", "a", "b"):
        limit.leave(name)
    assert not limit._counts


def test_rate_limit_by_name() -> None:
    """Each name has its own rate, and idle names are forgotten."""
    rates = KeyedRateLimit(2)
    assert [rates.allows("a", 100), rates.allows("a", 100), rates.allows("a", 100)] == [True, True, False]
    assert rates.allows("b", 100)
    assert rates.allows("c", 200)
    assert set(rates._rates) == {"c"}


def test_refusal_delay() -> None:
    """Repeated refusals are answered with a growing delay, up to a bound."""
    refusals = Refusals(30)
    assert [refusals.delay("a", 100) for _ in range(10)] == [0, 0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert refusals.delay("b", 100) == 0
    assert refusals.delay("a", 100 + REFUSALS_FORGOTTEN_SECONDS + 1) == 0
    assert list(refusals._refused) == ["a"]
    assert all(Refusals(0).delay("a", 0) == 0 for _ in range(10))


def test_refusals_of_many_names() -> None:
    """The number of names with remembered refusals has a bound."""
    refusals = Refusals(30)
    for name in range(REFUSALS_MAX + 10):
        refusals.delay(name, 0)
    assert len(refusals._refused) == REFUSALS_MAX
