"""Several things break at once, by chance; and an hour of it."""

import os
import random
import time
from contextlib import ExitStack

import psutil
import pytest

from tests.faults.breakages import AT_RANDOM, chosen
from tests.faults.conftest import Trials
from tests.faults.stack import Stack
from tests.faults.trial import Trial

pytestmark = [pytest.mark.faults]

#: Breakages at a time, how often, and how long each time (seconds).
TOGETHER, ROUNDS, LASTS_SECONDS = 3, 3, 3.0
#: Growth that a process may have at the end of a soak: a fifth, and a negligible amount (bytes).
GROWTH, SMALL = 1.2, 16 << 20


def a_seed() -> int:
    """FAULTS_SEED, or one by chance. It is printed, and stands in the name of the fault."""
    return int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(10**6))


def break_at_random(run: Trial, dice: random.Random, rounds: int) -> None:
    for _ in range(rounds):
        names = chosen(dice, TOGETHER)
        print("broken together:", ", ".join(names))
        with ExitStack() as broken:
            for name in names:
                broken.enter_context(AT_RANDOM[name](run.stack, dice))
                run.passes(dice.uniform(0, 1))
            run.passes(LASTS_SECONDS)


@pytest.mark.timeout(600)
def test_random_breakages(trial: Trials) -> None:
    """Several random concurrent breakages lose no event.

    May notice: delays, reconnects, requests that fail.
    """
    seed = a_seed()
    print(f"FAULTS_SEED={seed}")
    with trial("several at once, by chance", "delays, reconnects", within=90, emit_bound=None, seed=seed) as run:
        break_at_random(run, random.Random(seed), ROUNDS)


def memory(stack: Stack) -> dict[str, int]:
    """Bytes that each process holds, its children's included."""
    found = {}
    for name, process in stack.processes.items():
        assert process.popen is not None
        family = [psutil.Process(process.popen.pid), *psutil.Process(process.popen.pid).children()]
        found[name] = sum(one.memory_info().rss for one in family)
    return found


@pytest.mark.soak
@pytest.mark.timeout(2 * 3600)
def test_soak(trial: Trials, stack: Stack) -> None:
    """An hour of load and faults does not enlarge any process.

    May notice: delays, reconnects, requests that fail. FAULTS_SOAK_SECONDS shortens it.
    """
    seed = a_seed()
    print(f"FAULTS_SEED={seed}")
    dice = random.Random(seed)
    until = time.monotonic() + float(os.environ.get("FAULTS_SOAK_SECONDS", "3600"))
    seen: list[dict[str, int]] = []
    pids: list[dict[str, int | None]] = []
    while time.monotonic() < until or len(seen) < 2:
        with trial("soak", "delays, reconnects", within=120, emit_bound=None, seed=dice.randrange(10**6)) as run:
            break_at_random(run, dice, 4)
            run.stack.mend()
        seen.append(memory(stack))
        pids.append({name: process.popen and process.popen.pid for name, process in stack.processes.items()})
        print({name: f"{size >> 20} MiB" for name, size in seen[-1].items()})
    for name, last in seen[-1].items():
        # Against the earliest look at the same process, once it had warmed up.
        first = next(at for at in range(len(seen)) if pids[at][name] == pids[-1][name])
        early = seen[min(first + 1, len(seen) - 1)][name]
        assert last < early * GROWTH + SMALL, f"{name} grew from {early} to {last} bytes"
