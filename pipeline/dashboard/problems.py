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

#: An age on a queue that people notice, and one that they complain of (seconds).
OLD_SECONDS = 60
VERY_OLD_SECONDS = 600

#: Four samples that did not come.
SILENCE = timedelta(seconds=60)

BAD: Final = "bad"
WORRYING: Final = "worrying"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and the section of the runbook about it."""

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
    paused: Mapping[str, int]  # kind: how many events and batches wait


def findings(picture: Picture) -> list[Finding]:
    """Return the problems, the most serious first."""
    return sorted(_found(picture), key=lambda finding: finding.level != BAD)


def _found(picture: Picture) -> Iterator[Finding]:
    yield from _of_servers(picture)
    yield from _of_work(picture)
    for report in picture.edges or ():
        if report.draining:
            yield Finding(WORRYING, f"The edge {report.name} drains: it takes no sockets.", "an-edge-is-gone")


def _of_servers(picture: Picture) -> Iterator[Finding]:
    if picture.backlog.hints is None:
        yield Finding(BAD, "The broker does not answer: events wait for the sweep.", "the-broker-is-down")
    if picture.edges is None:
        yield Finding(BAD, "The channel layer does not answer: sockets live on what they read.", "no-edge-reports")
    elif not picture.edges:
        yield Finding(WORRYING, "No edge reports: nobody holds sockets.", "no-edge-reports")
    if picture.sampled_at is None or picture.now - picture.sampled_at > SILENCE:
        since = "yet" if picture.sampled_at is None else f"since {picture.sampled_at:%H:%M:%S}"
        sentence = f"Nothing was sampled {since}: beat, or every worker on the queue maintenance, is away."
        yield Finding(BAD, sentence, "work-waits")


def _of_work(picture: Picture) -> Iterator[Finding]:
    for queue in QUEUES:
        age = picture.backlog.oldest_seconds(queue)
        if age > OLD_SECONDS:
            level = BAD if age > VERY_OLD_SECONDS else WORRYING
            yield Finding(level, f"The oldest work on the queue {queue} has waited {age:,.0f} s.", "work-waits")
    dead = sum(picture.backlog.count(work, "failed") for work in ("event", "batch"))
    if dead:
        yield Finding(BAD, f"{dead:,} dead letters: a person must look at them.", "dead-letters")
    for kind, count in sorted(picture.paused.items()):
        yield Finding(WORRYING, f"The kind {kind} is paused; {count:,} events and batches wait.", "a-kind-is-paused")
