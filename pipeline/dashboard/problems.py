"""The current problems, in sentences. Pure functions.

Input: the state at this moment. Output: the problems, the most serious first. The thresholds are those of the alerts
(`deploy/alerts.yml`), and docs/runbook.md says what to do about each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ...shared.edge_status import Report
from ..backlog import Backlog
from ..celery.queues import QUEUES

#: Age of the oldest work on a queue for a warning, and for a critical finding (seconds).
OLD_SECONDS = 60
VERY_OLD_SECONDS = 600

#: Four missing samples.
SILENCE = timedelta(seconds=60)

CRITICAL: Final = "critical"
WARNING: Final = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem, and its section of the runbook."""

    level: str
    sentence: str
    runbook: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The current state. `edges` is None if the channel layer does not answer; `sampled_at` if there is no sample."""

    now: datetime
    backlog: Backlog
    edges: Sequence[Report] | None
    sampled_at: datetime | None
    paused: Mapping[str, int]  # kind: number of held events and batches


def findings(picture: Picture) -> list[Finding]:
    """Return the problems, the most serious first."""
    return sorted(_found(picture), key=lambda finding: finding.level != CRITICAL)


def _found(picture: Picture) -> Iterator[Finding]:
    yield from _of_servers(picture)
    yield from _of_work(picture)
    for report in picture.edges or ():
        if report.draining:
            yield Finding(WARNING, f"The edge {report.name} drains: it accepts no sockets.", "an-edge-is-gone")


def _of_servers(picture: Picture) -> Iterator[Finding]:
    if picture.backlog.hints is None:
        yield Finding(CRITICAL, "The broker does not answer: events wait for the sweep.", "the-broker-is-down")
    if picture.edges is None:
        yield Finding(
            CRITICAL,
            "The channel layer does not answer: sockets get notifications only from position checks.",
            "no-edge-reports",
        )
    elif not picture.edges:
        yield Finding(WARNING, "No edge reports: no sockets are open.", "no-edge-reports")
    if picture.sampled_at is None or picture.now - picture.sampled_at > SILENCE:
        since = "yet" if picture.sampled_at is None else f"since {picture.sampled_at:%H:%M:%S %Z}"
        sentence = f"No sample {since}: beat, or every worker on the queue maintenance, is down."
        yield Finding(CRITICAL, sentence, "work-waits")


def _of_work(picture: Picture) -> Iterator[Finding]:
    for queue in QUEUES:
        age = picture.backlog.oldest_seconds(queue)
        if age > OLD_SECONDS:
            level = CRITICAL if age > VERY_OLD_SECONDS else WARNING
            yield Finding(level, f"The oldest work on the queue {queue} has waited {age:,.0f} s.", "work-waits")
    dead = sum(picture.backlog.count(work, "failed") for work in ("event", "batch"))
    if dead:
        yield Finding(CRITICAL, f"{dead:,} dead letters: replay or discard them.", "dead-letters")
    for kind, count in sorted(picture.paused.items()):
        yield Finding(WARNING, f"The kind {kind} is paused; {count:,} events and batches are held.", "a-kind-is-paused")
