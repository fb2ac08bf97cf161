"""Limits of connections, connects and messages. No I/O; the caller passes the current time."""

from collections import Counter
from collections.abc import Hashable


class TokenBucket:
    """A token bucket of `per_minute` messages a minute; all of them may come together."""

    __slots__ = ("_capacity", "_left", "at")

    def __init__(self, per_minute: int, now: float) -> None:
        self._capacity = float(per_minute)
        self._left = self._capacity
        self.at = now

    def allows(self, now: float) -> bool:
        """Take one message; return False if it exceeds the rate."""
        self._left = min(self._capacity, self._left + (now - self.at) * self._capacity / 60)
        self.at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class ConcurrencyLimit:
    """At most `most` concurrent uses of each name."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[Hashable] = Counter()

    def enter(self, name: Hashable) -> bool:
        """Count one more of that name; return False, without counting, if it exceeds the limit."""
        if self._counts[name] >= self._most:
            return False
        self._counts[name] += 1
        return True

    def leave(self, name: Hashable) -> None:
        """Count one less of that name."""
        self._counts[name] -= 1
        if self._counts[name] <= 0:
            del self._counts[name]


class KeyedRateLimit:
    """A rate for each name; a name that has been quiet for a minute is forgotten."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._rates: dict[Hashable, TokenBucket] = {}
        self._swept_at = 0.0

    def allows(self, name: Hashable, now: float) -> bool:
        """Take one of that name; return False if it exceeds the rate."""
        if now - self._swept_at > 60:
            self._swept_at = now
            self._rates = {name: rate for name, rate in self._rates.items() if now - rate.at < 60}
        rate = self._rates.get(name)
        if rate is None:
            rate = self._rates[name] = TokenBucket(self._per_minute, now)
        return rate.allows(now)


class Refusals:
    """Delays of repeated refusals, because some clients start their back-off anew with each socket.

    The first refusals of a name are answered immediately, each further one after twice the time, up to `longest`
    seconds. Names that were not refused for a while are forgotten.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._refused: dict[Hashable, tuple[int, float]] = {}  # how often, and the last time; the oldest first

    def delay(self, name: Hashable, now: float) -> float:
        """Count one refusal of that name; return how long its answer has to wait (seconds)."""
        while self._refused and (
            len(self._refused) >= REFUSALS_MAX
            or now - next(iter(self._refused.values()))[1] > REFUSALS_FORGOTTEN_SECONDS
        ):
            del self._refused[next(iter(self._refused))]
        count = self._refused.pop(name, (0, now))[0] + 1
        self._refused[name] = count, now
        # The exponent has a bound, or the number would grow without one.
        return 0.0 if count <= REFUSALS_FREE else min(2.0 ** min(count - REFUSALS_FREE - 1, 30), self._longest)


#: Refusals of one name that are answered immediately, names that are remembered, and for how long (seconds).
REFUSALS_FREE = 3
REFUSALS_MAX = 10_000
REFUSALS_FORGOTTEN_SECONDS = 300
