"""What documents quote of the benchmarks is what the last run wrote."""

import json
from pathlib import Path

import pytest

from benchmarks import report, sizing
from benchmarks.bench import AREAS

ENTRIES = json.loads(report.RESULTS.read_text())


@pytest.mark.parametrize("document", report.tables(ENTRIES), ids=lambda path: path.name)
def test_a_document_quotes_the_last_run(document: Path) -> None:
    assert report.written(document) == report.tables(ENTRIES)[document]


def test_every_area_was_measured_and_every_figure_is_complete() -> None:
    assert {entry["area"] for entry in ENTRIES} == set(AREAS)
    for entry in ENTRIES:
        assert entry["min"] <= entry["value"] <= entry["max"]
        assert entry["runs"] >= 1
        assert entry["bound"] == entry.get("at_least", entry.get("at_most"))


def test_more_users_need_more_of_everything() -> None:
    costs = {entry["id"].removeprefix("scale."): entry["value"] for entry in ENTRIES if entry["area"] == "scale"}
    small, large = sizing.size(costs, 1_000_000, 0.2), sizing.size(costs, 100_000_000, 0.2)
    assert large.worker_cores == pytest.approx(small.worker_cores * 100)
    assert large.edges >= small.sockets * 100 / sizing.SOCKETS_AN_EDGE
    assert large.redis_hosts >= small.redis_hosts
