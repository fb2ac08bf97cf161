"""`make run`: the whole system on one machine, until Ctrl-C.

Enters: the environment (see ground.py) and the Procfile. Leaves: one line `Ready:` when everything answers, and at the
end nothing: processes first, then their servers. Exit code 0 when it was asked to stop, 1 when something ended or did
not start, 2 when it cannot stand here (a port is taken). A second Ctrl-C ends everything at once.
"""

import contextlib
import fcntl
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dev import children, stack
from dev.account import Unreachable
from dev.binaries import ServerNotFound
from dev.servers import Postgres, Server, ServerFailed, Valkey
from dev.stack_config import MARK, PROJECT, BadGround, Ground, from_environment
from dev.supervisor import Supervisor, read_procfile

#: Seconds that processes get to end in order: workers finish the tasks that they have begun.
_STOP_PATIENCE_SECONDS = 40

#: Seconds for the remains of a crash to go.
_LEFTOVER_PATIENCE_SECONDS = 5

#: What a shell reports for a process that Ctrl-C ended.
_KILLED_BY_CTRL_C = 130

#: Before the processes start: each is safe to run again.
_PREPARATIONS = {"migrate": "-m django migrate --no-input --verbosity 0", "seed": "-m django seed"}

_PEOPLE = "ann, ben, cleo, dan, eva or mia (moderator)"
_PASSWORD = "clarion-demo"  # noqa: S105 - of the demo's invented people


class Failed(RuntimeError):
    """The stack did not start, or did not go on."""


class Runner:
    """One run of one stack."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.begun = time.monotonic()
        self.postgres = Postgres(ground.folder / "postgres", ground.port("postgres"))
        self.valkey = Valkey(ground.folder / "valkey", ground.port("valkey"))
        self.servers: list[Server] = []
        self.supervisor: Supervisor | None = None
        self.asked_to_stop = False

    def run(self) -> int:
        """Start everything, wait, stop everything."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._hear)
        self._end_leftovers()
        self.ground.check_ports()
        try:
            self._start_servers()
            self._run_processes()
        finally:
            self._stop()
        return 0

    def _hear(self, _signum: int, _frame: FrameType | None) -> None:
        if not self.asked_to_stop:
            self.asked_to_stop = True
            return
        if self.supervisor:
            self.supervisor.kill()
        for server in self.servers:
            server.kill()
        os._exit(_KILLED_BY_CTRL_C)

    def _end_leftovers(self) -> None:
        """End what an earlier run left behind when it was killed. The lock on the folder says that it is gone."""
        stack.withdraw(self.ground)
        left = children.carrying(MARK, str(self.ground.folder))
        children.end(left, signal.SIGTERM, _LEFTOVER_PATIENCE_SECONDS)
        self.postgres.stop_leftover()
        self.valkey.stop_leftover()

    def _start_servers(self) -> None:
        if self.ground.needs_postgres:
            self.servers.append(self.postgres)
        if self.ground.needs_valkey:
            self.servers.append(self.valkey)
        for server in self.servers:
            server.start()
            if self.asked_to_stop:
                return

    def _run_processes(self) -> None:
        urls = {
            "DATABASE_URL": self.postgres.url,
            "CLARION_BROKER_URL": self.valkey.database_url(0),
            "CHANNEL_LAYER_URL": self.valkey.database_url(1),
        }
        environment = self.ground.environment(urls)
        lines = read_procfile(PROJECT / "Procfile")
        self.supervisor = supervisor = Supervisor(PROJECT, environment, [*lines, *_PREPARATIONS])
        for server in self.servers:
            supervisor.say(f"{server.name} listens on 127.0.0.1:{server.port}")
        for name, arguments in _PREPARATIONS.items():
            self._run_to_end(supervisor, name, arguments)
        if self.asked_to_stop:
            return
        for name, command in lines.items():
            supervisor.start(name, command)
        self._run_to_end(supervisor, "ready", "-m dev.ready")
        if not self.asked_to_stop:
            stack.announce(self.ground, environment)
            self._say_ready(supervisor, environment)
        supervisor.watch(self._is_over)
        self._blame(supervisor)

    def _run_to_end(self, supervisor: Supervisor, name: str, arguments: str) -> None:
        """Run one of our own Python programs; Failed when it, or anything else, ends badly."""
        if self.asked_to_stop:
            return
        program = supervisor.start(name, f"exec {shlex.quote(sys.executable)} {arguments}")
        supervisor.watch(self._is_over)
        if program.process.poll() == 0:
            supervisor.finish(program)
        else:
            self._blame(supervisor)

    def _is_over(self) -> bool:
        if self.asked_to_stop or (self.supervisor and self.supervisor.ended()):
            return True
        return not all(server.running for server in self.servers)

    def _blame(self, supervisor: Supervisor) -> None:
        """Raise Failed for processes that ended by themselves."""
        if self.asked_to_stop:
            return
        for child in supervisor.ended():
            code = supervisor.finish(child)
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
            raise Failed(f"{child.name} {how}; everything else was stopped")
        for server in self.servers:
            if not server.running:
                raise Failed(f"{server.name} ended; the end of {server.log} may say why")

    def _say_ready(self, supervisor: Supervisor, environment: dict[str, str]) -> None:
        host, port = self.ground.address, self.ground.port
        supervisor.say_plainly(
            f"Ready: forum http://{host}:{port('web')}/, API docs http://{host}:{port('web')}/api/docs, "
            f"edge ws://{host}:{port('edge')}/ws/notification-updates/, Flower http://{host}:{port('flower')}/ "
            f"(after {time.monotonic() - self.begun:.0f} s; Ctrl-C stops everything)"
        )
        supervisor.say_plainly(f"  Sign in to the forum as {_PEOPLE}, password {_PASSWORD}")
        supervisor.say_plainly(f"  Sign in to Flower as clarion, password {environment['CLARION_FLOWER_PASSWORD']}")

    def _stop(self) -> None:
        stack.withdraw(self.ground)
        if self.supervisor:
            self.supervisor.say("stopping; again Ctrl-C to kill")
            self.supervisor.stop(_STOP_PATIENCE_SECONDS)
        for server in reversed(self.servers):
            server.stop()


@contextmanager
def alone_on(ground: Ground) -> Iterator[None]:
    """Hold the stack's folder; the kernel lets go of it however we end. BadGround when another runner holds it."""
    with (ground.folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise BadGround(
                f"A stack is already running on ports {ground.port_base} and up (pid {lock.read().strip()}). "
                f"For another beside it: CLARION_PORT_BASE={ground.port_base + 100} make run"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def main() -> int:
    """Run one stack; say in one sentence what went wrong."""
    code, reason = 1, RuntimeError()
    try:
        ground = from_environment()
        ground.make_folder()
        with alone_on(ground):
            return Runner(ground).run()
    except BadGround as error:
        code, reason = 2, error
    except (Failed, ServerFailed, ServerNotFound, Unreachable) as error:
        reason = error
    except PermissionError as error:
        reason = BadGround(f"{error.filename} belongs to another account: run as that one, or remove the data folder")
    with contextlib.suppress(OSError):
        print(f"\nStopped: {reason}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
