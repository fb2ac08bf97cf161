"""`manage.py clarion dev`: run worker, beat and edge in one terminal, and restart them when code changes.

It runs beside `runserver`. This process loads the project once, to know which files to watch; after a change it reads
the environment of the edge in a new process.
"""

import json
import os
import signal
import subprocess
import sys
import sysconfig
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any, Final

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.utils.autoreload import StatReloader, file_changed

from ....shared.settings import get_settings
from ...celery.app import app
from ...doctor.servers import unapplied_migrations
from ..children import Child, end_all

HELP = "Run worker, beat and edge in one terminal, restarted when code changes; for development, beside runserver."

DEFAULT_EDGE_PORT: Final = 8001
DEFAULT_WEB_PORT: Final = 8000
#: Colours of the names, by Django's names for them.
COLOURS: Final = {"worker": "SUCCESS", "beat": "MIGRATE_LABEL", "edge": "WARNING"}


def add_arguments(parser: ArgumentParser) -> None:
    """Add ports and the number of threads."""
    port = get_settings().public_edge_port or DEFAULT_EDGE_PORT
    parser.add_argument("--edge-port", type=int, default=port, help=f"port of the edge ({port})")
    parser.add_argument(
        "--web-port", type=int, default=DEFAULT_WEB_PORT, help=f"port of runserver ({DEFAULT_WEB_PORT})"
    )
    parser.add_argument("--concurrency", type=int, default=4, help="threads of the worker (4)")


def handle(command: BaseCommand, *, edge_port: int, web_port: int, concurrency: int) -> None:
    """Run until Ctrl-C or SIGTERM."""
    if missing := unapplied_migrations():
        raise CommandError(f"{len(missing)} migrations are not applied: run `manage.py migrate` first")
    celery = (sys.executable, "-m", "celery", "--quiet", "-A", "clarion.pipeline")
    queues = ",".join(queue.name for queue in app.conf.task_queues)

    def show(name: str, line: str) -> None:
        command.stdout.write(f"{getattr(command.style, COLOURS[name])(f'{name:6}')} {line}")

    worker = Child(
        "worker", (*celery, "worker", "--pool=threads", f"--concurrency={concurrency}", f"--queues={queues}"), show
    )
    beat = Child("beat", (*celery, "beat"), show)
    daphne = ("--verbosity=0", "--websocket_timeout=-1", "--bind=127.0.0.1", f"--port={edge_port}")
    edge = Child("edge", (sys.executable, "-m", "daphne", *daphne, "clarion.edge.asgi:application"), show)
    processes = Processes(command, [worker, beat, edge], edge, web_port)
    signal.signal(signal.SIGTERM, _interrupt)
    # The children find the project as this process has found it, by the folder of manage.py.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (sys.path[0], os.environ.get("PYTHONPATH"))))
    try:
        processes.start()
        command.stdout.write(f"The edge listens on http://127.0.0.1:{edge_port}. Ctrl-C ends all three processes.")
        for _ in _reloader(processes).tick():
            processes.look()
    except KeyboardInterrupt:
        command.stdout.write("Stopping ...")
    finally:
        processes.end()


class Processes:
    """The three processes, and what was wrong with the environment of the edge when it was last read."""

    def __init__(self, command: BaseCommand, children: list[Child], edge: Child, web_port: int) -> None:
        self._command = command
        self._children = children
        self._edge = edge
        # Pages of runserver have another origin than the edge, which takes their cookie from allowed origins alone.
        self._origins = tuple(f"http://{host}:{web_port}" for host in ("127.0.0.1", "localhost"))
        self._changed: Path | None = None

    def start(self) -> None:
        """Start all three, the edge with the environment that the project has now."""
        found = self._environment()
        for child in self._children:
            if child is self._edge:
                if found is None:
                    continue
                child.environment = found
            child.start()

    def changed(self, file_path: Path, **_: Any) -> bool:
        """Note a change. Return true, so that Django does not restart this process."""
        self._changed = file_path
        return True

    def look(self) -> None:
        """Restart all after a change; report a process that has ended."""
        if self._changed is not None:
            self._command.stdout.write(f"{self._changed} has changed: restarting ...")
            self._changed = None
            self.end()
            self.start()
        for child in self._children:
            code = child.ended()
            if code is not None:
                self._command.stderr.write(f"{child.name} has ended with exit code {code}; a change starts it again.")

    def end(self) -> None:
        """End all three."""
        end_all(self._children)

    def _environment(self) -> dict[str, str] | None:
        """Return the environment of the edge; None, with a message, if the project does not load now."""
        asked = subprocess.run(
            [sys.executable, "-m", "django", "clarion", "--skip-checks", "env", "--format=json"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if asked.returncode:
            self._command.stderr.write(asked.stderr)
            return None
        found: dict[str, str] = json.loads(asked.stdout)
        origins = (*filter(None, found.get("CLARION_ALLOWED_ORIGINS", "").split(",")), *self._origins)
        return found | {"CLARION_ALLOWED_ORIGINS": ",".join(origins)}


def _reloader(processes: Processes) -> StatReloader:
    """Return a reloader of the project's own code, which this process has imported only in part."""
    reloader = StatReloader()
    installed = Path(sysconfig.get_paths()["purelib"])
    for config in apps.get_app_configs():
        if installed not in Path(config.path).parents:
            reloader.watch_dir(config.path, "**/*.py")
    settings_module = sys.modules[os.environ["DJANGO_SETTINGS_MODULE"]]
    reloader.watch_dir(Path(str(settings_module.__file__)).parent, "*.py")
    file_changed.connect(processes.changed, weak=False)
    return reloader


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
