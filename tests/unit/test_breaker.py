"""The circuit breaker: open after a failure, one trial after the cool-down, closed by an answer."""

import pytest
import redis

from clarion.shared import breaker
from clarion.shared.breaker import COOL_DOWN_FIRST_SECONDS, COOL_DOWN_LAST_SECONDS, CircuitBreaker, CircuitOpen


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(breaker.time, "monotonic", lambda: now[0])
    return now


def fail(circuit: CircuitBreaker, error: type[Exception] = redis.TimeoutError) -> None:
    with pytest.raises(error), circuit.guard():
        raise error


def test_open_after_failure(clock: list[float]) -> None:
    """After a failure the circuit refuses calls until the cool-down ends."""
    circuit = CircuitBreaker()
    fail(circuit)
    assert circuit.is_open
    with pytest.raises(CircuitOpen), circuit.guard():
        pytest.fail("it was asked")
    clock[0] += COOL_DOWN_FIRST_SECONDS
    assert not circuit.is_open


def test_trial_call(clock: list[float]) -> None:
    """After the cool-down one call is let through, and its success closes the circuit."""
    circuit = CircuitBreaker()
    fail(circuit)
    clock[0] += COOL_DOWN_FIRST_SECONDS
    with circuit.guard(), pytest.raises(CircuitOpen), circuit.guard():
        pytest.fail("a second call was let through during the trial")
    with circuit.guard(), circuit.guard():
        pass


def test_cool_down_doubles(clock: list[float]) -> None:
    """Each further failure doubles the cool-down up to a maximum, and a success resets it."""
    circuit = CircuitBreaker()
    cool_down = COOL_DOWN_FIRST_SECONDS
    for _ in range(5):
        fail(circuit)
        clock[0] += cool_down - 0.01
        assert circuit.is_open
        clock[0] += 0.01
        assert not circuit.is_open
        cool_down = min(2 * cool_down, COOL_DOWN_LAST_SECONDS)
    with circuit.guard():
        pass
    fail(circuit)
    clock[0] += COOL_DOWN_FIRST_SECONDS
    assert not circuit.is_open


@pytest.mark.parametrize("error", [redis.ResponseError, ValueError])
def test_error_reply(clock: list[float], error: type[Exception]) -> None:
    """An error reply from Redis, or an error of the caller, leaves the circuit closed."""
    circuit = CircuitBreaker()
    fail(circuit, error)
    assert not circuit.is_open
