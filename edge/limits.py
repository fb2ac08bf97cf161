"""What a client may send: how much, how often. No I/O; whoever owns a limit says what time it is."""


class MessageRate:
    """A token bucket: `per_minute` messages a minute, as many at once."""

    __slots__ = ("_at", "_capacity", "_left")

    def __init__(self, per_minute: int, now: float) -> None:
        self._capacity = float(per_minute)
        self._left = self._capacity
        self._at = now

    def allows(self, now: float) -> bool:
        """Take one message; False: that was one too many."""
        self._left = min(self._capacity, self._left + (now - self._at) * self._capacity / 60)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
