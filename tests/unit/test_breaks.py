"""Requests to break a part of the stack: the private socket, the list of requests, and refusals."""

import json
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from dev import breaks, channel
from dev.breaks import Breaks
from dev.servers import Server
from dev.supervisor import Supervisor
from tests.processes import wait_until

PROGRAMS = {"worker-live": "echo 'live@here ready.'; exec sleep 60", "edge": "exec sleep 60"}


class Stand:
    """A server that only notes what is done to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.done: list[str] = []

    def answers(self) -> bool:
        return self.done[-1:] != ["stop"]

    def stop(self) -> None:
        self.done.append("stop")

    def start(self) -> None:
        self.done.append("start")

    def restart(self) -> None:
        self.done.append("restart")


class Ground:
    """The breaks of a stack of two sleeping processes and two servers."""

    def __init__(self, *given: str) -> None:
        self.supervisor = Supervisor(Path.cwd(), {"PATH": "/usr/bin:/bin"}, list(PROGRAMS))
        self.valkey, self.postgres = Stand("Valkey"), Stand("Postgres")
        self.breaks = Breaks(self.supervisor, cast("list[Server]", [self.valkey, self.postgres]), given)

    def start(self, name: str) -> psutil.Process:
        return psutil.Process(self.supervisor.start(name, PROGRAMS[name]).process.pid)

    def settle(self) -> None:
        """Do all that is due."""
        while self.breaks.is_due():
            self.breaks.step()

    def state(self, part: str) -> str:
        return str(next(one["state"] for one in self.breaks.respond("status")["parts"] if one["name"] == part))

    def busy(self) -> list[str]:
        return [one["name"] for one in self.breaks.respond("status")["parts"] if one["busy"]]


@pytest.fixture
def ground() -> Iterator[Ground]:
    made = Ground()
    for name in PROGRAMS:
        made.start(name)
    made.breaks.open()
    wait_until(lambda: made.state("worker-live") == "up", "the worker is not ready")
    yield made
    made.breaks.close()
    made.supervisor.kill()
    for child in made.supervisor.children.copy():
        made.supervisor.finish(child)


def send(path: Path, *sent: bytes) -> Any:
    """The answer to what is sent over one connection."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        for piece in sent:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return json.loads(connection.makefile("rb").readline())


def test_channel(tmp_path: Path) -> None:
    """Only the owner may use the socket, which answers each line and is gone at the end."""
    path = tmp_path / "break.sock"
    path.touch()  # as a run that was killed leaves it behind
    with channel.listening(path, lambda line: {"heard": line}):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert send(path, b"free", b"ze edge\n") == {"heard": "freeze edge"}
        assert send(path) == {"heard": ""}
    assert not path.exists()


@pytest.mark.parametrize("sent", [b"x" * 5000 + b"\n", b"\xff\xfe\n"])
def test_malformed_request(tmp_path: Path, sent: bytes) -> None:
    """A malformed request is answered with one sentence."""
    with channel.listening(tmp_path / "break.sock", lambda line: {"heard": line}):
        answer = send(tmp_path / "break.sock", sent)
    assert answer["error"].startswith("A request is one line")


def test_long_path(tmp_path: Path) -> None:
    """A path that is too long for a Unix socket is refused with its length."""
    with pytest.raises(channel.NoChannel, match="103 bytes"), channel.listening(tmp_path / ("x" * 99), dict):
        pass


@pytest.mark.parametrize("line", ["", "kill", "kill edge", "stop postgres", "kill worker-live now", "start web"])
def test_unknown_request(ground: Ground, line: str) -> None:
    """Another request than those of the list changes nothing, and the answer has the list."""
    assert "start load, kill worker-live, stop valkey" in ground.breaks.respond(line)["error"]
    assert not ground.breaks.is_due()


@pytest.mark.parametrize("line", ["report", "report x", "report [1]"])
def test_malformed_report(ground: Ground, line: str) -> None:
    """A report that is no object of JSON is refused."""
    assert ground.breaks.respond(line)["error"].startswith("A report is one object")
    assert ground.breaks.respond("status")["load"] is None
    assert ground.breaks.respond('report {"lost": 0}') == {"ok": True}
    assert ground.breaks.respond("status")["load"] == {"lost": 0}


def test_break_while_stack_starts() -> None:
    """Nothing is broken before every process has answered."""
    assert Ground().breaks.respond("restart postgres")["error"].startswith("The stack is still starting")


def test_own_servers() -> None:
    """Your own servers are neither listed nor broken."""
    breaks = Ground("DATABASE_URL", "CLARION_BROKER_URL").breaks
    breaks.open()
    status = breaks.respond("status")
    assert status["requests"] == ["kill worker-live", "freeze edge"]
    assert [part["name"] for part in status["parts"]] == ["worker-live", "edge"]
    assert status["absent"] == {"valkey": "CLARION_BROKER_URL", "postgres": "DATABASE_URL"}
    assert "is not a request" in breaks.respond("stop valkey")["error"]


def test_killed_worker(ground: Ground) -> None:
    """The worker is killed once, and again only when the next one is ready; its end does not count."""
    first = ground.supervisor.children[0]
    assert not ground.breaks.explain()
    assert ground.breaks.respond("kill worker-live") == {"ok": True}
    ground.settle()
    assert first.process.wait() == -signal.SIGKILL
    assert ground.breaks.explain()
    assert ground.state("worker-live") == "down"
    assert "already" in ground.breaks.respond("kill worker-live")["error"]
    ground.supervisor.finish(first)
    ground.start("worker-live")
    wait_until(lambda: ground.state("worker-live") == "up", "the next worker is not ready")
    ground.settle()
    assert ground.breaks.explain()
    assert ground.breaks.respond("kill worker-live") == {"ok": True}


def test_stopped_valkey(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Valkey stays stopped for its time, the runner leaves it alone, and then it is started."""
    monkeypatch.setattr(breaks, "VALKEY_STOPPED_SECONDS", 0.2)
    assert ground.breaks.respond("stop valkey") == {"ok": True}
    ground.settle()
    assert (ground.valkey.done, ground.state("valkey"), ground.busy()) == (["stop"], "down", ["valkey"])
    assert ground.breaks.holds(cast("Server", ground.valkey))
    assert "already" in ground.breaks.respond("stop valkey")["error"]
    wait_until(ground.breaks.is_due, "the time is not over")
    ground.settle()
    assert (ground.valkey.done, ground.busy()) == (["stop", "start"], [])
    assert not ground.breaks.holds(cast("Server", ground.valkey))


def test_frozen_edge(ground: Ground) -> None:
    """The edge is frozen, and goes on when the stack stops, because it could not end otherwise."""
    edge = psutil.Process(ground.supervisor.children[1].process.pid)
    assert ground.breaks.respond("freeze edge") == {"ok": True}
    ground.settle()
    wait_until(lambda: ground.state("edge") == "frozen", "the edge is not frozen")
    assert "already" in ground.breaks.respond("freeze edge")["error"]
    ground.breaks.close()
    wait_until(lambda: edge.status() != psutil.STATUS_STOPPED, "the edge is still frozen")


def test_restarted_postgres(ground: Ground) -> None:
    """Postgres is restarted by the main thread, however many threads ask."""
    answers: list[Any] = []
    asking = [
        threading.Thread(target=lambda: answers.append(ground.breaks.respond("restart postgres"))) for _ in range(2)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert sorted("ok" in answer for answer in answers) == [False, True]
    ground.settle()
    assert (ground.postgres.done, ground.busy()) == (["restart"], [])


def test_broken_part_away(ground: Ground) -> None:
    """A part that is away by itself is not broken as well."""
    ground.postgres.stop()
    assert ground.breaks.respond("restart postgres")["error"] == "Postgres is down: try again in a moment."


def test_second_load(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load is started once, with new counts, and again after its end."""
    monkeypatch.setattr(breaks, "_LOAD_COMMAND", "exec sleep 60")
    ground.breaks.respond('report {"lost": 0}')
    assert ground.breaks.respond("start load") == {"ok": True}
    assert "stops by itself" in ground.breaks.respond("start load")["error"]
    ground.settle()
    assert "stops by itself" in ground.breaks.respond("start load")["error"]
    status = ground.breaks.respond("status")
    assert (status["load"], status["load_runs"]) == (None, True)
    load = ground.supervisor.children[-1]
    load.process.kill()
    ground.supervisor.finish(load)
    assert ground.breaks.respond("start load") == {"ok": True}
