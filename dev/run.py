"""`make run`: the whole system on one machine, until Ctrl-C.

Input: the environment (see stack_config.py) and the Procfile. Output: a block that begins with `Ready:` when every
process answers. A process that ends after that is started again. At the end the processes stop first, then their
servers. Exit code 0 if it was asked to stop, 1 if a process ended before it was ready or keeps ending, 2 if it cannot
run here, for example because a port is in use. A second Ctrl-C ends everything immediately.
"""

import contextlib
import fcntl
import os
import shlex
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dev import channel, children, stack, urls
from dev.account import Unreachable
from dev.binaries import ServerNotFound
from dev.breaks import LOAD, Breaks
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

#: A process that has ended is started again, unless it has ended so often within so long (seconds).
_RESTARTS, _RESTARTS_WITHIN_SECONDS = 5, 30


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
        self.breaks: Breaks | None = None
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
        addresses = {
            "DATABASE_URL": self.postgres.url,
            "CLARION_BROKER_URL": self.valkey.database_url(0),
            "CHANNEL_LAYER_URL": self.valkey.database_url(1),
        }
        environment = self.ground.environment(addresses)
        with contextlib.ExitStack() as channels:
            said = ""
            try:
                path = self.ground.folder / "break.sock"
                channels.enter_context(channel.listening(path, self._respond))
                environment[channel.CHANNEL] = str(path)
            except channel.NoChannel as error:
                environment.pop(channel.CHANNEL, None)
                said = f"{error}, so the page of operators cannot break anything"
            lines = read_procfile(PROJECT / "Procfile")
            self.supervisor = Supervisor(PROJECT, environment, [*lines, *_PREPARATIONS, LOAD])
            self.breaks = Breaks(self.supervisor, self.servers, self.ground.given)
            if said:
                self.supervisor.warn(said)
            self._run_lines(self.supervisor, self.breaks, lines, environment)

    def _respond(self, line: str) -> channel.Answer:
        return self.breaks.respond(line) if self.breaks else {"error": "The stack is still starting."}

    def _run_lines(
        self, supervisor: Supervisor, breaks: Breaks, lines: dict[str, str], environment: dict[str, str]
    ) -> None:
        for server in self.servers:
            supervisor.say(f"{server.name} listens on 127.0.0.1:{server.port}")
        for name, arguments in _PREPARATIONS.items():
            self._run_to_end(supervisor, name, arguments)
        if self.asked_to_stop:
            return
        for name, line in lines.items():
            supervisor.start(name, self.ground.command(name, line))
        self._run_to_end(supervisor, "ready", "-m dev.ready")
        if not self.asked_to_stop:
            stack.announce(self.ground, environment)
            note = f"every process has answered, after {time.monotonic() - self.begun:.0f} s; Ctrl-C stops everything"
            for line in urls.block(self.ground, environment, note):
                supervisor.say_plainly(line)
            breaks.open()
        self._keep_running(supervisor, breaks)

    def _keep_running(self, supervisor: Supervisor, breaks: Breaks) -> None:
        """Start processes and servers again that end, until we are asked to stop; Failed for one that keeps ending."""
        ends: deque[float] = deque(maxlen=_RESTARTS)
        while not self.asked_to_stop:
            supervisor.watch(lambda: self._is_over() or breaks.is_due())
            if not self.asked_to_stop:
                breaks.step()
            self._restart_servers(supervisor, breaks, ends)
            self._restart_processes(supervisor, breaks, ends)

    def _restart_servers(self, supervisor: Supervisor, breaks: Breaks, ends: "deque[float]") -> None:
        for server in self.servers:
            if not server.running and not self.asked_to_stop and not breaks.holds(server):
                supervisor.warn(f"{server.name} has ended and is started again")
                if not breaks.explain():
                    self._count(ends, f"{server.name} keeps ending; the end of {server.log} may say why")
                server.start()

    def _restart_processes(self, supervisor: Supervisor, breaks: Breaks, ends: "deque[float]") -> None:
        for child in supervisor.ended():
            if self.asked_to_stop:
                return
            how = _how(supervisor.finish(child))
            if child.name == LOAD:
                supervisor.say(f"{child.name} {how}")
                continue
            supervisor.warn(f"{child.name} {how} and is started again")
            if not breaks.explain():
                self._count(ends, f"{child.name} keeps ending; everything else was stopped")
            supervisor.start(child.name, child.command)

    @staticmethod
    def _count(ends: "deque[float]", reason: str) -> None:
        ends.append(time.monotonic())
        if len(ends) == _RESTARTS and ends[-1] - ends[0] < _RESTARTS_WITHIN_SECONDS:
            raise Failed(reason)

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
        return not all(server.running or (self.breaks and self.breaks.holds(server)) for server in self.servers)

    def _blame(self, supervisor: Supervisor) -> None:
        """Raise Failed for processes that ended by themselves."""
        if self.asked_to_stop:
            return
        for child in supervisor.ended():
            raise Failed(f"{child.name} {_how(supervisor.finish(child))}; everything else was stopped")
        for server in self.servers:
            if not server.running:
                raise Failed(f"{server.name} ended; the end of {server.log} may say why")

    def _stop(self) -> None:
        stack.withdraw(self.ground)
        if self.breaks:
            self.breaks.close()
        if self.supervisor:
            self.supervisor.say("stopping; again Ctrl-C to kill")
            self.supervisor.stop(_STOP_PATIENCE_SECONDS)
        for server in reversed(self.servers):
            server.stop()


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


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
