"""Findings about workers and beat: a hint's round trip, the events that each worker knows, the latest sample."""

import secrets
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone

from ...shared.channel_layer import channel_layer
from .. import checks
from ..celery.app import SAMPLE_EVERY_SECONDS, app
from ..celery.hints import enqueue
from ..celery.queues import ECHO
from ..outbox.models import Sample
from .echo import FACTS, facts, key_of
from .findings import Finding, of_check

#: Interval at which the answer is looked for (seconds).
LOOK_EVERY_SECONDS = 0.01
LOOK_FOR_SAMPLE_SECONDS = 0.25
#: Age of the latest sample below which beat runs; some may be late.
RECENT = timedelta(seconds=4 * SAMPLE_EVERY_SECONDS)
#: A beat that has just started takes its first sample after an interval, so it has longer than a worker.
BEAT_PATIENCE = 4
START_A_WORKER = (
    "Start one: celery -A clarion.pipeline worker --queues=events,bursts,maintenance,retention --pool=threads"
)


def examine(patience: float) -> Iterator[Finding]:
    """Yield findings; a worker has `patience` seconds to answer."""
    answered = _round_trip(patience)
    known = _facts()
    yield answered or _why_not(patience, known)
    yield from map(of_check, checks.workers(databases=["default"]))
    yield from _compared(known)
    yield _beat(BEAT_PATIENCE * patience)


def _facts() -> dict[str, dict[str, str]]:
    """Return the facts of the workers on this broker, by their names."""
    answers: Any = app.control.inspect(timeout=checks.WORKERS_ANSWER_SECONDS)._request(FACTS)
    return {name: answer for name, answer in (answers or {}).items() if "channels" in answer}


def _round_trip(patience: float) -> Finding | None:
    """Return a finding about the answer of a worker to a hint; None if there was no answer."""
    nonce = secrets.randbits(52)
    begun = time.monotonic()
    if not enqueue(ECHO, nonce):
        return Finding("The broker did not accept a hint.", "See the log of this command.")
    with channel_layer().client() as client:
        while time.monotonic() < begun + patience:
            if client.exists(key_of(nonce)):
                took = (time.monotonic() - begun) * 1000
                return Finding(f"A hint went through the broker and a worker, and its answer came after {took:.0f} ms.")
            time.sleep(LOOK_EVERY_SECONDS)
    return None


def _why_not(patience: float, known: dict[str, dict[str, str]]) -> Finding:
    if not known:
        return Finding(f"No worker took a hint within {patience:g} s, and none answers on this broker.", START_A_WORKER)
    others = sorted(name for name, facts_ in known.items() if facts_["channels"] != facts()["channels"])
    if others:
        return Finding(
            f"The worker {others[0]} works for another installation: its Postgres or CLARION_CHANNEL_LAYER_PREFIX is "
            "not that of this process.",
            "Start all processes with the same settings.",
        )
    return Finding(
        f"No answer to a hint came within {patience:g} s, but workers are there: {', '.join(sorted(known))}.",
        "See that one consumes the queue events, is not busy, and has the CHANNEL_LAYER_URL of this process.",
    )


def _compared(known: dict[str, dict[str, str]]) -> Iterator[Finding]:
    ours = facts()
    for name, theirs in sorted(known.items()):
        if theirs["channels"] == ours["channels"] and theirs["events"] != ours["events"]:
            yield Finding(
                f"The worker {name} knows other events than this process, so it cannot deliver the new ones.",
                "Restart the workers.",
            )
        elif theirs["version"] != ours["version"]:
            text = f"The worker {name} runs Clarion {theirs['version']}, this process {ours['version']}."
            yield Finding(text, "Restart the workers.")


def _beat(patience: float) -> Finding:
    deadline = time.monotonic() + patience
    while (age := _age_of_sample()) > RECENT and time.monotonic() < deadline:
        time.sleep(LOOK_FOR_SAMPLE_SECONDS)
    if age <= RECENT:
        return Finding("Beat runs: a sample was taken within the last minute.")
    return Finding(
        "Beat does not run, or no worker consumes the queue maintenance: no sample was taken within the last minute. "
        "Lost hints are not given again.",
        "Start it: celery -A clarion.pipeline beat",
    )


def _age_of_sample() -> timedelta:
    latest = Sample.objects.order_by("-at").values_list("at", flat=True).first()
    return timedelta.max if latest is None else timezone.now() - latest
