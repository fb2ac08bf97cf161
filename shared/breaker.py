"""A circuit breaker: a server that does not answer is left alone for a moment, so that nothing waits for it again.

Input: calls to one server. Output: their results, or CircuitOpen without a wait. After a failure the circuit is open
for a moment, which doubles with each further failure. Then a single call tries the server, while others still fail
immediately.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

#: Timeout of a command (seconds); redis-py would wait for ever.
SOCKET_TIMEOUT_SECONDS = 2.0
#: First and last time for which a server that did not answer is not contacted; doubled in between (seconds).
COOL_DOWN_FIRST_SECONDS = 2.0
COOL_DOWN_LAST_SECONDS = 8.0
#: Longest duration of a trial call (seconds); after it another one may try.
TRIAL_SECONDS = 10.0

#: Failures of the server or of the connection. An error reply, for example to an unknown command, is an answer.
FAILURES = (redis.ConnectionError, redis.TimeoutError, OSError)


class CircuitOpen(redis.ConnectionError):
    """The server failed a moment ago, so it was not contacted."""


class CircuitBreaker:
    """The circuit to one server; safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed_from = 0.0  # on the monotonic clock; 0: the circuit is closed
        self._cool_down = COOL_DOWN_FIRST_SECONDS

    @property
    def is_open(self) -> bool:
        """Whether a call would fail without contacting the server."""
        return time.monotonic() < self._closed_from

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run one call; raise CircuitOpen if the server failed a moment ago."""
        self.enter()
        try:
            yield
        except FAILURES:
            self.failed()
            raise
        except redis.RedisError:
            self.succeeded()  # an answer that says no
            raise
        self.succeeded()

    def enter(self) -> None:
        """Begin a call, which ends with `failed` or `succeeded`; raise CircuitOpen."""
        with self._lock:
            now = time.monotonic()
            if now < self._closed_from:
                raise CircuitOpen("the server failed a moment ago and is not asked")
            if self._closed_from:
                self._closed_from = now + TRIAL_SECONDS  # this call is the trial, others wait for its result

    def failed(self) -> None:
        """Record that the server did not answer."""
        with self._lock:
            self._closed_from = time.monotonic() + self._cool_down
            self._cool_down = min(2 * self._cool_down, COOL_DOWN_LAST_SECONDS)

    def succeeded(self) -> None:
        """Record that the server answered."""
        if self._closed_from:
            with self._lock:
                self._closed_from, self._cool_down = 0.0, COOL_DOWN_FIRST_SECONDS
