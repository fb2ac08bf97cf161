"""Waits for the stack: `python -m dev.ready` ends with 0 once all processes have answered.

Input: the environment of a stack's processes and the Procfile. Output: exit code 0, or 1 after a while with the names
of those that have not answered. It is a process of its own, so that the runner needs neither Django nor threads.
"""

import os
import re
import sys
import time
from collections.abc import Callable

import httpx

from dev.stack_config import PROJECT, Ground, from_environment
from dev.supervisor import read_procfile

#: Seconds until we give up. A warm start takes ten; a slow disk with a cold cache has been seen to take a minute.
_PATIENCE_SECONDS = 180

#: Seconds between two lines that say who is missing.
_REPORT_SECONDS = 15

#: Seconds between two rounds of questions, and for one answer.
_ROUND_SECONDS = 0.2
_ANSWER_SECONDS = 2

#: Where each listener says that it is well.
_HEALTH = {"web": "/api/health", "edge": "/readyz", "flower": "/healthcheck"}


def main() -> int:
    """Ask all processes, in rounds, until each has answered once."""
    ground = from_environment()
    missing: dict[str, Callable[[], bool]] = {
        name: _http_question(ground, name, path) for name, path in _HEALTH.items()
    }
    # After the others: only then is it worth the processor's time to load Celery and the pipeline.
    workers = _worker_names()
    begun = reported = time.monotonic()
    while missing or workers:
        missing = {name: answers for name, answers in missing.items() if not answers()}
        if not missing:
            workers -= _answering(workers)
        now = time.monotonic()
        if now - begun > _PATIENCE_SECONDS:
            print(f"no answer after {_PATIENCE_SECONDS} s from: {', '.join([*missing, *sorted(workers)])}")
            return 1
        if now - reported > _REPORT_SECONDS and (missing or workers):
            reported = now
            print(f"still waiting for: {', '.join([*missing, *sorted(workers)])}")
        time.sleep(_ROUND_SECONDS)
    return 0


def _http_question(ground: Ground, name: str, path: str) -> Callable[[], bool]:
    url = f"http://{ground.address}:{ground.port(name)}{path}"

    def answers() -> bool:
        try:
            # Without the environment's proxies: this is our own machine.
            return httpx.get(url, timeout=_ANSWER_SECONDS, trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return answers


def _worker_names() -> set[str]:
    """Return the node names that the Procfile gives its workers."""
    commands = read_procfile(PROJECT / "Procfile").values()
    found = [re.search(r"celery .* worker .*--hostname=(\S+)", command) for command in commands]
    return {match[1] for match in found if match}


def _answering(workers: set[str]) -> set[str]:
    """Those of these workers that answer a ping."""
    from celery.app.utils import find_app
    from celery.utils.nodenames import host_format
    from kombu.exceptions import OperationalError

    nodes = {host_format(worker): worker for worker in workers}
    try:
        replies = find_app("clarion.pipeline").control.ping(destination=list(nodes), timeout=_ANSWER_SECONDS)
    except (OperationalError, OSError):
        return set()
    return {nodes[node] for reply in replies or () for node in reply if node in nodes}


if __name__ == "__main__":
    os.chdir(PROJECT)
    sys.exit(main())
