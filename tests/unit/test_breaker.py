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


def test_after_a_failure_nothing_is_asked_for_a_moment(clock: list[float]) -> None:
    circuit = CircuitBreaker()
    fail(circuit)
    assert circuit.is_open
    with pytest.raises(CircuitOpen), circuit.guard():
        pytest.fail("it was asked")
    clock[0] += COOL_DOWN_FIRST_SECONDS
    assert not circuit.is_open


def test_one_call_is_the_trial_and_closes_the_circuit(clock: list[float]) -> None:
    circuit = CircuitBreaker()
    fail(circuit)
    clock[0] += COOL_DOWN_FIRST_SECONDS
    with circuit.guard(), pytest.raises(CircuitOpen), circuit.guard():
        pytest.fail("a second call was let through during the trial")
    with circuit.guard(), circuit.guard():
        pass


def test_each_further_failure_doubles_the_cool_down(clock: list[float]) -> None:
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
def test_an_answer_that_is_an_error_opens_nothing(clock: list[float], error: type[Exception]) -> None:
    circuit = CircuitBreaker()
    fail(circuit, error)
    assert not circuit.is_open
