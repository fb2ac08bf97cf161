"""Findings about edges: whether one reports, and whether its settings are those that it needs."""

import time
from collections.abc import Iterator
from typing import Any

import redis
from django.core.exceptions import ImproperlyConfigured

from ...shared import edge_status
from ...shared.channel_layer import channel_layer
from ...shared.common_settings import SECRET, common_settings, version
from ...shared.edge_settings import edge_settings
from .findings import Finding

LOOK_EVERY_SECONDS = 0.25
WITH_ENV = " with the variables that `manage.py clarion env` prints."
FROM_ENV = f"Start it{WITH_ENV}"


def examine(patience: float) -> Iterator[Finding]:
    """Yield findings about edges; one that starts has `patience` seconds for its first report."""
    try:
        needed = common_settings(edge_settings())
        reports = _reports(patience)
        elsewhere = [] if reports else _other_installations()
    except (redis.RedisError, OSError, ImproperlyConfigured, ValueError) as error:
        yield Finding(f"The reports of edges cannot be read: {error!r}", "Correct the problems above first.")
        return
    if elsewhere:
        text = f"No edge reports for this installation, but on the same Redis one does for {elsewhere[0]}."
        yield Finding(text, f"If it is yours, its DATABASE_URL names another database. {FROM_ENV}")
    elif not reports:
        yield Finding("No edge reports, so no browser can connect.", f"Start one{WITH_ENV}")
    accept = any(not report.draining for report in reports)
    for report in reports:
        if report.draining and accept:
            yield Finding(f"The edge {report.name} drains, as in a deploy.")
            continue
        problems = list(_problems(report, needed))
        good = Finding(f"The edge {report.name} has the settings that it needs, and {report.sockets} sockets.")
        yield from problems or [good]


def _reports(patience: float) -> list[edge_status.Report]:
    deadline = time.monotonic() + patience
    while not (reports := edge_status.load(channel_layer())) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_SECONDS)
    return reports


def _problems(report: edge_status.Report, needed: dict[str, str]) -> Iterator[Finding]:
    if report.fault:
        yield Finding(f"The edge {report.name} can serve nobody: {report.fault}", FROM_ENV)
    if report.draining:
        text = f"The edge {report.name} drains, so it refuses new sockets."
        yield Finding(text, f"`manage.py drain {report.name} --take` ends that.")
    if report.version and report.version != version():
        yield Finding(f"The edge {report.name} runs Clarion {report.version}, not {version()}.", "Restart it.")
    for name, value in needed.items():
        theirs = report.settings.get(name, value)
        if theirs != value:
            differs = f"another {name} than this project" if name in SECRET else f"{name}={theirs}, and needs {value!r}"
            yield Finding(f"The edge {report.name} has {differs}.", FROM_ENV)


def _other_installations() -> list[str]:
    """Return the prefixes of the channels of other installations for which an edge reports."""
    layer = channel_layer()
    with layer.client() as client:
        found: list[Any] = list(client.scan_iter(match="*:edges", count=1000))
    names = (one.decode().removesuffix(":edges") for one in found)
    return sorted(name for name in names if name != layer.prefix)
