"""Stacks with more in them than the usual one: a second host of the channel layer, a second installation.

Input: the stack, whole. Output: the same stack with something added, for a block; at its end the stack as it was.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from dev.servers import Valkey
from tests.faults import evidence
from tests.faults.stack import Stack, Worker
from tests.processes import Edge, Process

#: The numbers of the databases of Redis that staging has on the servers of production.
STAGINGS_BROKER, STAGINGS_LAYER = 5, 6

#: Records events for users of staging until SIGTERM, and prints the keys of those that are committed.
_STAGINGS_LOAD = """
import itertools, signal, sys, threading
import django; django.setup()
from clarion import NoticeGiven
from clarion.pipeline.outbox.recording import record
prefix, pause, *users = sys.argv[1:]
users = [int(user) for user in users]
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
for number in itertools.count():
    key, user = f"{prefix}{number}", users[number % len(users)]
    record(NoticeGiven(kind="STAGING", data={"key": key}, recipients=(user,)), key=key)
    print(key, user, flush=True)
    if ended.wait(float(pause)):
        break
"""
#: Between two events of staging (seconds).
PAUSE_SECONDS = 0.04


@contextmanager
def second_layer_host(stack: Stack) -> Iterator[Valkey]:
    """The channel layer has another host, which is not behind a link; the processes are restarted for it."""
    names = [name for name in stack.processes if name not in ("beat", "balancer")]
    before = {name: stack.processes[name].environment["CHANNEL_LAYER_URL"] for name in names}
    with Valkey(stack.folder / "second-layer-host") as second:
        try:
            _restart(stack, {name: f"{before[name]},{second.database_url(1)}" for name in names})
            yield second
        finally:
            _restart(stack, before)


def _restart(stack: Stack, layers: dict[str, str]) -> None:
    stack.kill(*layers)
    for name, url in layers.items():
        stack.processes[name].environment["CHANNEL_LAYER_URL"] = url
    stack.mend()


class Load(Process):
    """The events of staging."""

    def __init__(self, prefix: str, users: Sequence[int], **environment: str) -> None:
        command = [sys.executable, "-c", _STAGINGS_LOAD, prefix, str(PAUSE_SECONDS), *map(str, users)]
        super().__init__("faults-staging-load", *command, **environment)

    def recorded(self) -> dict[str, int]:
        """The recipient of each event, by its key."""
        said = self.said()
        assert self.popen is None or not self.exit_code(), said[-3000:]
        lines = (line.split() for line in said.split("\n")[:-1])
        return {key: int(user) for key, user in lines}


@dataclass(frozen=True)
class Staging:
    """A second installation on the servers of the stack: a database of its own, other numbers of the same Redis."""

    database_url: str
    edge: Edge
    worker: Worker
    load: Load
    environment: dict[str, str]

    def does(self, script: str) -> None:
        """Run a few lines of Python in it."""
        lines = f"import django; django.setup()\n{script}"
        subprocess.run([sys.executable, "-c", lines], env=os.environ | self.environment, check=True)


@contextmanager
def staging(stack: Stack, users: Sequence[int], prefix: str) -> Iterator[Staging]:
    """An installation made from a copy of production: it has the same identity, and users with the same ids."""
    url = stack.postgres.url.rsplit("/", 1)[0] + "/staging"
    environment = stack.environment("workers") | {
        "DATABASE_URL": url,
        "CLARION_BROKER_URL": stack.broker.database_url(STAGINGS_BROKER),
        "CHANNEL_LAYER_URL": stack.layer.database_url(STAGINGS_LAYER),
    }
    with stack.database() as production, ExitStack() as made:
        identity = production.execute("SELECT value FROM clarion_installation").fetchone()
        production.execute("CREATE DATABASE staging")
        made.callback(production.execute, "DROP DATABASE staging WITH (FORCE)")
        subprocess.run(
            [sys.executable, "-m", "django", "migrate", "--verbosity=0"], env=os.environ | environment, check=True
        )
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("UPDATE clarion_installation SET value = %s", identity)
            database.execute("SELECT setval(pg_get_serial_sequence('auth_user', 'id'), %s, false)", [min(users)])
            assert evidence.people(database, f"{prefix}person-", len(users)) == list(users)
        edge = made.enter_context(stack.edge("staging", **environment))
        worker = made.enter_context(stack.worker("staging", **environment))
        load = made.enter_context(Load(prefix, users, **environment))
        yield Staging(url, edge, worker, load, environment)
