"""The documents match the code: links, settings, metrics, frames, close codes, make targets, files and tests."""

import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics import MetricWrapperBase

import clarion
from clarion.shared import metrics, protocol
from clarion.shared.common_settings import as_text
from clarion.shared.protocol import AuthFailure, Close, ResyncReason
from clarion.shared.settings import Settings
from tests.docs.blocks import blocks_of

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
GOLDEN: dict[str, dict[str, Any]] = json.loads((ROOT / "tests/contracts/golden/frames.json").read_text())

#: Messages of a client, which the document shows beside the frames.
SAID_BY_CLIENTS = {"ping", "heartbeat", "ack", "AUTH"}

#: The content of an empty cell.
NOTHING = "\N{EN DASH}"

#: Where code spans that look like paths lead.
FOLDERS = ("pipeline", "edge", "shared", "examples", "dev", "benchmarks", "tests", "docs", "requirements", ".ci")


def text(name: str) -> str:
    return (ROOT / name).read_text()


def table(document: str, heading: str) -> dict[str, list[str]]:
    """The cells of the rows below a heading, by the first cell, whose code marks are taken off."""
    section = document.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in rows}


def name_of(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{Settings.model_config['env_prefix']}{field}".upper()


def metric_names() -> dict[str, MetricWrapperBase]:
    found = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    return {
        next(iter(one.describe())).name + ("_total" if type(one).__name__ == "Counter" else ""): one for one in found
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links(document: Path) -> None:
    """Each relative link in a document leads to an existing file."""
    targets = re.findall(r"\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)", document.read_text(), flags=re.M)
    relative = [one or other for one, other in targets]
    gone = [
        target
        for target in relative
        if not re.match(r"[a-z]+:|#", target) and not (document.parent / target.partition("#")[0]).exists()
    ]
    assert gone == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_files_and_tests(document: Path) -> None:
    """The files and tests that a document names exist, each test in one file."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S))
    paths = [span for span in spans if re.fullmatch(rf"({'|'.join(map(re.escape, FOLDERS))})/[\w./-]*", span)]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    tests = [span for span in spans if re.fullmatch(r"(\w+/test_\w+::)?test_\w+", span)]
    assert [test for test in tests if len(files_of(test)) != 1] == [], "write `tier/file::test` for a name in two files"


def files_of(test: str) -> set[str]:
    """The files, such as `integration/test_inbox`, that have this test."""
    file, _, name = test.rpartition("::")
    return {found for found in files_by_test().get(name, set()) if file in ("", found)}


@cache
def files_by_test() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("*.py"):
        for name in re.findall(r"def (test_\w+)\(", path.read_text()):
            found.setdefault(name, set()).add(str(path.relative_to(ROOT / "tests").with_suffix("")))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_make_targets(document: Path) -> None:
    """The make targets that a document names exist."""
    told = re.findall(r"(?:`|^\s*)make ([a-z-]+)(?=[ `\n])", document.read_text(), flags=re.M)
    assert set(told) <= set(re.findall(r"^([a-z-]+):", text("Makefile"), flags=re.M))


def test_readme_names_the_two_commands() -> None:
    """The README names `make run` and `make test`."""
    assert {"make run", "make test"} <= set(re.findall(r"`(make [a-z]+)`", text("README.md")))


def test_readme_code() -> None:
    """The code in README is that of the tutorial, which is run."""
    tutorial = text("docs/tutorial.md")
    assert [block for block in blocks_of("test_readme_code") if block.text not in tutorial] == []


def test_documented_python_api() -> None:
    """The reference of the Python API has every name that an application may import."""
    named = set(re.findall(r"clarion\.(\w+)", text("docs/api.md")))
    assert set(clarion.__all__) - named == set()


def test_documented_settings() -> None:
    """The documented settings are exactly the existing ones."""
    assert set(table(text("docs/settings.md"), "Variables")) == {name_of(field) for field in Settings.model_fields}


@pytest.mark.parametrize("field", sorted(set(Settings.model_fields) - {"secret_key"}))
def test_documented_defaults(field: str) -> None:
    """The default of a setting is the documented one."""
    _, default, example = table(text("docs/settings.md"), "Variables")[name_of(field)]
    assert default == (f"`{value}`" if (value := as_text(Settings.model_fields[field].default)) else NOTHING)
    assert example


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_variables(document: Path) -> None:
    """Each CLARION_ variable that a document names is read by the code."""
    named = set(re.findall(r"\bCLARION_[A-Z_]*[A-Z]\b", document.read_text()))
    files = [
        ROOT / "Procfile",
        *(path for folder in ("dev", "pipeline", "tests") for path in ROOT.glob(f"{folder}/*.py")),
    ]
    read = {word for file in files for word in re.findall(r"\bCLARION_[A-Z_]+\b", file.read_text())}
    assert named <= read | {name_of(field) for field in Settings.model_fields}


def test_documented_metrics() -> None:
    """The documented metrics and their labels are exactly the existing ones."""
    documented = {name: cells[0] for name, cells in table(text("docs/metrics.md"), "Names").items()}
    labels = {
        name: ", ".join(f"`{label}`" for label in metric._labelnames) or NOTHING
        for name, metric in metric_names().items()
    }
    assert documented == labels


def test_documented_frames() -> None:
    """Every frame, failure reason and resync reason is documented."""
    types = set(re.findall(r'"type": ?"(\w+)"', inspect.getsource(protocol)))
    assert {frame["type"] for frame in GOLDEN.values()} == types
    document = text("docs/protocol.md")
    headings = set(re.findall(r"\w+", " ".join(re.findall(r"^### (.+)$", document, flags=re.M))))
    assert types <= headings
    assert [reason for reason in [*AuthFailure, *ResyncReason] if f"| `{reason}` |" not in document] == []


def test_documented_frame_examples() -> None:
    """Each example of a frame in the protocol is a golden frame."""
    examples = [json.loads(block.text) for block in blocks_of("test_documented_frame_examples")]
    assert [example for example in examples if example not in GOLDEN.values()] == []
    assert {frame["type"] for frame in GOLDEN.values()} == {example["type"] for example in examples}
    said = set(re.findall(r'`{"type":"(\w+)"', text("docs/protocol.md")))
    assert said == SAID_BY_CLIENTS


def test_documented_close_codes() -> None:
    """The documented close codes are exactly the existing ones."""
    documented = re.findall(r"^\| (\d{4}) \| `(\w+)` \|", text("docs/protocol.md"), flags=re.M)
    assert {(int(code), name) for code, name in documented} == {(int(code), code.name) for code in Close}


def test_listed_decisions() -> None:
    """The list of decisions contains every record once, in order."""
    records = {path.name for path in (ROOT / "docs/decisions").glob("0*.md")}
    listed = re.findall(r"^(\d+)\. \[.+\]\((\d{4})-([\w-]+\.md)\)$", text("docs/decisions/README.md"), flags=re.M)
    assert {f"{number}-{rest}" for _, number, rest in listed} == records
    assert [int(place) for place, _, _ in listed] == [int(number) for _, number, _ in listed]
    assert [int(place) for place, _, _ in listed] == list(range(1, len(records) + 1))


@pytest.mark.parametrize("record", sorted((ROOT / "docs/decisions").glob("0*.md")), ids=lambda path: path.name[:4])
def test_decision_title_and_status(record: Path) -> None:
    """A decision has the title from the list and an accepted status."""
    title, status = re.match(r"# \d+\. (.+)\n\n(.+)\n", record.read_text()).groups()  # type: ignore[union-attr]
    assert f"[{title}]({record.name})" in text("docs/decisions/README.md")
    assert re.match(r"Status: accepted, \d{4}-\d\d-\d\d\.", status)


def test_dashboard_metrics() -> None:
    """The dashboard shows all existing metrics and no others."""
    dashboard = json.loads((ROOT / "deploy/grafana/clarion.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        for name in re.findall(r"\bclarion_\w+", target["expr"])
    }
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked} == set(metric_names())
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)
