"""The figures in the documents are those that the last run of the benchmarks wrote."""

import json
from pathlib import Path

import pytest

from benchmarks import figures, report, sizing
from benchmarks.areas import AREAS

ENTRIES = json.loads(report.RESULTS.read_text())


@pytest.mark.parametrize("document", report.tables(ENTRIES), ids=lambda path: path.name)
def test_a_document_quotes_the_last_run(document: Path) -> None:
    """The tables of figures in a document are those of the last run."""
    assert report.written(document) == report.tables(ENTRIES)[document]


def test_measured_areas_and_figures() -> None:
    """Every area of the benchmarks was measured, and each figure is complete."""
    assert {entry["area"] for entry in ENTRIES} == set(AREAS)
    for entry in ENTRIES:
        assert entry["min"] <= entry["value"] <= entry["max"]
        assert entry["runs"] >= figures.RUNS
        assert entry["load"]


def test_sizing_grows_with_users() -> None:
    """A hundred times the users need a hundred times the cores, and more edges and Redis hosts."""
    costs = {entry["id"].removeprefix("scale."): entry["value"] for entry in ENTRIES if entry["area"] == "scale"}
    small, large = sizing.size(costs, 1_000_000, 0.2), sizing.size(costs, 100_000_000, 0.2)
    assert large.worker_cores == pytest.approx(small.worker_cores * 100)
    assert large.edges >= small.sockets * 100 / sizing.SOCKETS_AN_EDGE
    assert large.redis_hosts >= small.redis_hosts
