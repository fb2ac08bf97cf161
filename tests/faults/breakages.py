"""Ways to break the stack that can be combined, each a context manager that repairs its damage.

Input: the stack, whole or with another part broken already. Output: the same, some seconds later. The block decides
how long a breakage lasts. The random run and the soak choose from `AT_RANDOM`.
"""

import random
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from tests.faults.stack import PAIRS, Stack

Breakage = AbstractContextManager[None]


@contextmanager
def dead(stack: Stack, *names: str) -> Iterator[None]:
    """Kill processes by SIGKILL; start them at the end without waiting, as their dependencies may be broken."""
    stack.kill(*names)
    yield
    stack.launch(*names)


@contextmanager
def frozen(stack: Stack, *names: str) -> Iterator[None]:
    """Processes stopped where they stand."""
    stack.freeze(*names)
    yield
    stack.freeze(*names, signum=signal.SIGCONT)


@contextmanager
def rolled(stack: Stack, *names: str) -> Iterator[None]:
    """Processes asked to stop, one after the other, each started again before the next."""
    for name in names:
        stack.processes[name].stop()
        stack.start(name)
    yield


@contextmanager
def server_dead(stack: Stack, *names: str) -> Iterator[None]:
    """Servers killed; a Redis comes back empty."""
    for name in names:
        stack.server(name).kill()
    yield
    for name in names:
        stack.server(name).start()


@contextmanager
def server_frozen(stack: Stack, *names: str) -> Iterator[None]:
    """Servers that keep their connections and answer nothing."""
    for name in names:
        stack.server(name).kill(signal.SIGSTOP)
    yield
    for name in names:
        stack.server(name).kill(signal.SIGCONT)


@contextmanager
def flushed(stack: Stack, *names: str) -> Iterator[None]:
    """Redis forgets all it holds, at once."""
    for name in names:
        with stack.redis(name) as client:
            client.flushall()
    yield


@contextmanager
def full(stack: Stack, *names: str) -> Iterator[None]:
    """Redis takes nothing that needs memory."""
    for name in names:
        with stack.redis(name) as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", "1mb")
    yield
    for name in names:
        with stack.redis(name) as client:
            client.config_set("maxmemory", "0")


@contextmanager
def cut(stack: Stack, *pairs: str) -> Iterator[None]:
    """Connections between these are reset, and every new one."""
    for pair in pairs:
        stack.links[pair].cut()
    yield
    for pair in pairs:
        stack.links[pair].heal()


@contextmanager
def stalled(stack: Stack, *pairs: str) -> Iterator[None]:
    """Stop all bytes between these, without an error."""
    for pair in pairs:
        stack.links[pair].stall()
    yield
    for pair in pairs:
        stack.links[pair].heal()


@contextmanager
def delayed(stack: Stack, seconds: float, *pairs: str) -> Iterator[None]:
    """Everything between these comes that much later."""
    for pair in pairs:
        stack.links[pair].delay(seconds)
    yield
    for pair in pairs:
        stack.links[pair].heal()


@contextmanager
def sessions_ended(stack: Stack) -> Iterator[None]:
    """Postgres ends every session, at once."""
    with stack.database() as database:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'clarion' AND pid <> pg_backend_pid()"
        )
    yield


#: By name, of two processes or pairs the one that the dice choose.
AT_RANDOM: Final[dict[str, Callable[[Stack, random.Random], Breakage]]] = {
    "a worker dead": lambda stack, dice: dead(stack, dice.choice(("alpha", "beta"))),
    "all workers dead": lambda stack, _: dead(stack, "alpha", "beta"),
    "a worker frozen": lambda stack, dice: frozen(stack, dice.choice(("alpha", "beta"))),
    "beat dead": lambda stack, _: dead(stack, "beat"),
    "an edge dead": lambda stack, dice: dead(stack, dice.choice(("left", "right"))),
    "an edge frozen": lambda stack, dice: frozen(stack, dice.choice(("left", "right"))),
    "broker restarted empty": lambda stack, _: server_dead(stack, "broker"),
    "broker frozen": lambda stack, _: server_frozen(stack, "broker"),
    "broker emptied": lambda stack, _: flushed(stack, "broker"),
    "channel layer restarted": lambda stack, _: server_dead(stack, "layer"),
    "channel layer frozen": lambda stack, _: server_frozen(stack, "layer"),
    "Postgres killed": lambda stack, _: server_dead(stack, "postgres"),
    "Postgres frozen": lambda stack, _: server_frozen(stack, "postgres"),
    "sessions of Postgres ended": lambda stack, _: sessions_ended(stack),
    "Redis full": lambda stack, _: full(stack, "broker", "layer"),
    "a link cut": lambda stack, dice: cut(stack, dice.choice(PAIRS)),
    "a link stalled": lambda stack, dice: stalled(stack, dice.choice(PAIRS)),
    "a link delayed": lambda stack, dice: delayed(stack, 0.1, dice.choice(PAIRS)),
}

#: What two breakages may not both do: one would mend what the other has broken.
ALONE: Final[Sequence[frozenset[str]]] = (
    frozenset({"a worker dead", "all workers dead", "a worker frozen"}),
    frozenset({"an edge dead", "an edge frozen"}),
    frozenset({"broker restarted empty", "broker frozen", "broker emptied", "Redis full"}),
    frozenset({"channel layer restarted", "channel layer frozen", "Redis full"}),
    frozenset({"Postgres killed", "Postgres frozen", "sessions of Postgres ended"}),
    frozenset({"a link cut", "a link stalled", "a link delayed"}),
)


def chosen(dice: random.Random, count: int) -> list[str]:
    """So many breakages that do not stand in each other's way."""
    names: list[str] = []
    for name in dice.sample(sorted(AT_RANDOM), len(AT_RANDOM)):
        taken = {other for group in ALONE if name in group for other in group}
        if len(names) < count and not taken & set(names):
            names.append(name)
    return names
