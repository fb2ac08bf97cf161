"""Finds reasons why notifications do not arrive, for `manage.py clarion doctor`.

findings.py   a finding: good, or a problem with its remedy
project.py    settings, apps, URLs, static files and the user model of this project
servers.py    Postgres and its migrations, the broker, the channel layer
workers.py    a hint's round trip through a worker, the events that workers know, beat
edges.py      the settings that each edge reports, compared with those that it needs
echo.py       the worker's side: an answer to a hint, and facts of its process
"""

from collections.abc import Iterator

from . import edges, project, servers, workers
from .findings import Finding


def examine(patience: float) -> Iterator[Finding]:
    """Yield findings; each question to another process waits at most `patience` seconds."""
    yield from project.examine()
    is_usable = True
    for finding in servers.examine():
        is_usable &= not finding.remedy
        yield finding
    if is_usable:  # else every other question fails for the same reason
        yield from servers.limits()
        yield from workers.examine(patience)
        yield from edges.examine(patience)
