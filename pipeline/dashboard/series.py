"""Turns samples into lines over time. Pure functions.

Input: samples, oldest first, as sampling.py stores them. Output: lines of points. A value of None is a gap: there was
no sample, or nothing to measure. Counters of edges become differences between two samples, for each edge separately;
an edge that started in between counts from zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

Taken = tuple[datetime, Mapping[str, Any]]
Point = tuple[datetime, float | None]

#: Shown quantiles of the time from commit to socket.
QUANTILES: Final = {"half": 0.5, "95 of 100": 0.95}

SECONDS_A_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot."""

    name: str
    points: Sequence[Point]

    @property
    def last(self) -> float | None:
        """The newest value."""
        return next((value for _, value in reversed(self.points) if value is not None), None)


def of_queues(samples: Sequence[Taken], queues: Sequence[str], what: str) -> list[Line]:
    """Return a line for each queue, of its `depth` or the age of its `oldest`."""
    return [Line(queue, [(at, data["queues"].get(queue, {}).get(what)) for at, data in samples]) for queue in queues]


def of_dead_letters(samples: Sequence[Taken]) -> list[Line]:
    """Return the number of dead letters."""
    return [Line("dead letters", [(at, data["dead"]) for at, data in samples])]


def of_repairs(samples: Sequence[Taken]) -> list[Line]:
    """Return repairs of streams, and failed ones, a minute, of all edges."""
    mended: list[Point] = []
    failed: list[Point] = []
    for (before, then), (at, now) in pairwise(samples):
        minutes = max((at - before).total_seconds(), 1) / SECONDS_A_MINUTE
        grown = [_grown(then, now, name) for name in now["edges"]]
        mended.append((at, sum(sum(one["repairs"].values()) for one in grown) / minutes if grown else None))
        failed.append((at, sum(one["failed_repairs"] for one in grown) / minutes if grown else None))
    return [Line("mended", mended), Line("failed", failed)]


def of_lag(samples: Sequence[Taken]) -> list[Line]:
    """Return quantiles of the seconds from commit to socket, of all edges together."""
    points: dict[str, list[Point]] = {name: [] for name in QUANTILES}
    for (_, then), (at, now) in pairwise(samples):
        buckets: dict[float, int] = {}
        for name in now["edges"]:
            for bound, count in _grown(then, now, name)["lag"]:
                buckets[bound] = buckets.get(bound, 0) + count
        for name, share in QUANTILES.items():
            points[name].append((at, quantile(sorted(buckets.items()), share)))
    return [Line(name, of_it) for name, of_it in points.items()]


def quantile(buckets: Sequence[tuple[float, int]], share: float) -> float | None:
    """Return a quantile of cumulative (bound, count) buckets, interpolated linearly within a bucket.

    None without values. Beyond the last bound it is that bound.
    """
    if not buckets or not buckets[-1][1]:
        return None
    wanted = share * buckets[-1][1]
    below_bound, below_count = 0.0, 0
    for bound, count in buckets:
        if count >= wanted:
            if bound == float("inf"):
                return below_bound
            part = (wanted - below_count) / max(count - below_count, 1)
            return below_bound + (bound - below_bound) * part
        below_bound, below_count = bound, count
    return below_bound


def _grown(then: Mapping[str, Any], now: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the growth of an edge's counters between two samples."""
    new, old = now["edges"][name], then["edges"].get(name)
    if old is None or old["started"] != new["started"]:
        old = {"repairs": {}, "failed_repairs": 0, "lag": [(bound, 0) for bound, _ in new["lag"]]}
    return {
        "repairs": {cause: count - old["repairs"].get(cause, 0) for cause, count in new["repairs"].items()},
        "failed_repairs": new["failed_repairs"] - old["failed_repairs"],
        "lag": [
            (float("inf") if bound is None else bound, count - before)
            for (bound, count), (_, before) in zip(new["lag"], old["lag"], strict=True)
        ],
    }
