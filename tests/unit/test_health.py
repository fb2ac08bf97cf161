"""Lines, plots and findings of the page of health, from samples that are made up."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clarion.pipeline.backlog import Backlog, Unfinished
from clarion.pipeline.dashboard import charts, series
from clarion.pipeline.dashboard.problems import CRITICAL, SILENCE, Picture, findings
from clarion.pipeline.dashboard.series import Line
from clarion.shared.edge_status import Report

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def sampled(minutes: float, **edges: dict[str, Any]) -> series.Taken:
    data = {
        "queues": {"events": {"depth": 3, "oldest": 1.5}},
        "dead": 2,
        "edges": {
            name: {"started": 1, "failed_repairs": 0, "repairs": {}, "lag": [[0.1, 0], [None, 0]]} | one
            for name, one in edges.items()
        },
    }
    return NOW + timedelta(minutes=minutes), data


def values(line: Line) -> list[float | None]:
    return [value for _, value in line.points]


def test_repairs_per_minute() -> None:
    """The counters of the edges are shown as differences per minute."""
    samples = [
        sampled(0, a={"repairs": {"gap": 10}}),
        sampled(2, a={"repairs": {"gap": 14, "quiet": 2}, "failed_repairs": 1}),
        sampled(3, a={"repairs": {"gap": 14, "quiet": 2}, "failed_repairs": 1}, b={"repairs": {"gap": 5}}),
    ]
    mended, failed = series.of_repairs(samples)
    assert values(mended) == [3, 5]
    assert values(failed) == [0.5, 0]


def test_restarted_edge() -> None:
    """The counters of a restarted edge count from zero."""
    samples = [
        sampled(0, a={"repairs": {"gap": 100}, "lag": [[0.1, 9], [None, 9]]}),
        sampled(1, a={"started": 2, "repairs": {"gap": 1}, "lag": [[0.1, 4], [None, 4]]}),
    ]
    assert values(series.of_repairs(samples)[0]) == [1]
    assert [values(line) for line in series.of_lag(samples)] == [[pytest.approx(0.05)], [pytest.approx(0.095)]]


def test_missing_samples() -> None:
    """Missing samples appear as gaps in a line."""
    samples = [sampled(0, a={}), sampled(1, a={}), sampled(2)]
    assert [values(line) for line in series.of_lag(samples)] == [[None, None], [None, None]]
    assert values(series.of_repairs(samples)[0]) == [0, None]
    assert values(series.of_queues(samples, ["unknown"], "depth")[0]) == [None] * 3


@pytest.mark.parametrize(
    "buckets,share,expected",
    [
        ([], 0.5, None),
        ([(1.0, 0), (float("inf"), 0)], 0.5, None),
        ([(1.0, 4), (2.0, 8), (float("inf"), 8)], 0.5, 1.0),
        ([(1.0, 4), (2.0, 8), (float("inf"), 8)], 0.75, 1.5),
        ([(1.0, 0), (2.0, 1), (float("inf"), 10)], 0.95, 2.0),
    ],
)
def test_quantile(buckets: list[tuple[float, int]], share: float, expected: float | None) -> None:
    """A quantile is interpolated within its bucket of the histogram."""
    assert series.quantile(buckets, share) == expected


def test_plot() -> None:
    """A plot is an SVG without scripts and styles, whose label states the newest values."""
    points = [(NOW, 0.0), (NOW + timedelta(minutes=1), None), (NOW + timedelta(minutes=2), 37.0)]
    drawn = charts.plot("Depth <b>", "s", [Line("events", points), Line("bursts", [])], NOW, NOW + timedelta(minutes=2))
    svg = ET.fromstring(drawn)
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == "Depth <b>: events 37 s, bursts \N{EN DASH} s"
    assert not [element for element in svg.iter() if element.tag in ("script", "style") or element.get("style")]
    # A gap parts the line into single points: from zero at the bottom to 37 of 40 at the right.
    bottom, right = charts.HEIGHT - charts.BOTTOM, charts.WIDTH - charts.RIGHT
    assert [(point.get("cx"), point.get("cy")) for point in svg.iter("circle")] == [
        (f"{charts.LEFT:.1f}", f"{bottom:.1f}"),
        (f"{right:.1f}", f"{charts.TOP + (1 - 37 / 40) * (bottom - charts.TOP):.1f}"),
    ]


def test_plot_lines() -> None:
    """Values in a row are joined by a line, and a gap parts it."""
    values: list[float | None] = [1, 2, None, 4, 5]
    points = [(NOW + timedelta(minutes=number), value) for number, value in enumerate(values)]
    svg = ET.fromstring(charts.plot("Depth", "s", [Line("events", points)], NOW, NOW + timedelta(minutes=4)))
    assert [len(line.get("points", "").split()) for line in svg.iter("polyline")] == [2, 2]


@pytest.mark.parametrize(
    "highest,numbers", [(0, "0 1 2 3 4"), (1, "0 1 2 3 4"), (5, "0 2 4 6 8"), (41, "0 20 40 60 80")]
)
def test_axis_of_counts(highest: int, numbers: str) -> None:
    """The axis of a plot of counts has whole numbers."""
    svg = ET.fromstring(charts.plot("Depth", "", [Line("events", [(NOW, highest)])], NOW, NOW))
    axis = [text.text for text in svg.iter("text") if text.get("text-anchor") == "end" and ":" not in (text.text or "")]
    assert axis == numbers.split()


def test_empty_plot() -> None:
    """A plot without values has no lines."""
    svg = ET.fromstring(charts.plot("Nothing", "", [Line("a", [])], NOW, NOW))
    assert not list(svg.iter("polyline"))


def picture(**changes: Any) -> Picture:
    edge = Report("edge-1", at=0, started=0, draining=False, sockets=1)
    well: dict[str, Any] = {
        "now": NOW,
        "backlog": Backlog((), {"events": 0}),
        "edges": [edge],
        "sampled_at": NOW,
        "paused": {},
    }
    return Picture(**well | changes)


def test_healthy_state() -> None:
    """A healthy installation has no findings."""
    assert findings(picture()) == []


def waits(age: float, state: str = "pending") -> Backlog:
    return Backlog((Unfinished("event", "events", state, 2, age),), {"events": 2})


@pytest.mark.parametrize(
    "changes,bad,sentence",
    [
        ({"backlog": Backlog((), None)}, True, "The broker does not answer"),
        ({"edges": None}, True, "The channel layer does not answer"),
        ({"edges": []}, False, "No edge reports"),
        ({"edges": [Report("edge-1", 0, 0, draining=True, sockets=0)]}, False, "The edge edge-1 drains"),
        ({"sampled_at": None}, True, "No sample yet"),
        ({"sampled_at": NOW - SILENCE * 2}, True, "No sample since 11:58:00"),
        ({"backlog": waits(61)}, False, "The oldest work on the queue events has waited 61 s"),
        ({"backlog": waits(601)}, True, "The oldest work on the queue events has waited 601 s"),
        ({"backlog": waits(601, "failed")}, True, "2 dead letters"),
        ({"paused": {"REPLY": 3}}, False, "The kind REPLY is paused; 3 events and batches are held"),
    ],
)
def test_finding_sentences(changes: dict[str, Any], bad: bool, sentence: str) -> None:
    """Each problem gives one finding with its severity and a sentence."""
    (finding,) = findings(picture(**changes))
    assert finding.sentence.startswith(sentence)
    assert (finding.level == CRITICAL) is bad


def test_finding_order() -> None:
    """The most severe finding comes first."""
    found = findings(picture(paused={"REPLY": 3}, edges=None))
    assert [finding.level == CRITICAL for finding in found] == [True, False]
