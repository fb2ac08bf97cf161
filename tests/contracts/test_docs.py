"""What the documents say is there: links, settings, metrics, frames, close codes, make targets, files and tests."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr

from clarion.shared import metrics, protocol
from clarion.shared.protocol import AuthFailure, Close, ResyncReason
from clarion.shared.settings import Settings
from tests.documents import blocks_of

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
GOLDEN: dict[str, dict[str, Any]] = json.loads((ROOT / "tests/contracts/golden/frames.json").read_text())

#: What a client sends: shown beside the frames, and no frame.
SAID_BY_CLIENTS = {"ping", "heartbeat", "ack", "AUTH"}

#: What stands in a cell that has nothing to say.
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


def as_environment(value: Any) -> str:
    """A default as it would stand in the environment."""
    if isinstance(value, tuple):
        return ",".join(as_environment(one) for one in value)
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(int(value)) if isinstance(value, bool) else str(value if value is not None else "")


def metric_names() -> dict[str, MetricWrapperBase]:
    found = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    return {
        next(iter(one.describe())).name + ("_total" if type(one).__name__ == "Counter" else ""): one for one in found
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_leads_to_a_file(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)", document.read_text(), flags=re.M)
    relative = [one or other for one, other in targets]
    gone = [
        target
        for target in relative
        if not re.match(r"[a-z]+:|#", target) and not (document.parent / target.partition("#")[0]).exists()
    ]
    assert gone == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_tests_that_are_named_exist(document: Path) -> None:
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S))
    paths = [span for span in spans if re.fullmatch(rf"({'|'.join(map(re.escape, FOLDERS))})/[\w./-]*", span)]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    tests = {name for file in ROOT.glob("tests/**/*.py") for name in re.findall(r"def (test_\w+)\(", file.read_text())}
    assert {span for span in spans if span.startswith("test_")} - tests == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_that_are_named_exist(document: Path) -> None:
    told = re.findall(r"(?:`|^\s*)make ([a-z-]+)(?=[ `\n])", document.read_text(), flags=re.M)
    assert set(told) <= set(re.findall(r"^([a-z-]+):", text("Makefile"), flags=re.M))


def test_readme_names_the_two_commands() -> None:
    assert {"make run", "make test"} <= set(re.findall(r"`(make [a-z]+)`", text("README.md")))


def test_every_setting_is_documented_and_none_that_is_not_there() -> None:
    assert set(table(text("docs/operations.md"), "Variables")) == {name_of(field) for field in Settings.model_fields}


@pytest.mark.parametrize("field", sorted(set(Settings.model_fields) - {"secret_key"}))
def test_a_settings_default_is_the_documented_one(field: str) -> None:
    _, default, example = table(text("docs/operations.md"), "Variables")[name_of(field)]
    assert default == (f"`{value}`" if (value := as_environment(Settings.model_fields[field].default)) else NOTHING)
    assert example


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_variable_that_is_named_anywhere_is_read_somewhere(document: Path) -> None:
    named = set(re.findall(r"\bCLARION_[A-Z_]*[A-Z]\b", document.read_text()))
    files = [
        ROOT / "Procfile",
        *(path for folder in ("dev", "pipeline", "tests") for path in ROOT.glob(f"{folder}/*.py")),
    ]
    read = {word for file in files for word in re.findall(r"\bCLARION_[A-Z_]+\b", file.read_text())}
    assert named <= read | {name_of(field) for field in Settings.model_fields}


def test_every_metric_is_documented_with_its_labels_and_none_that_is_not_there() -> None:
    documented = {name: cells[0] for name, cells in table(text("docs/operations.md"), "Metrics").items()}
    labels = {
        name: ", ".join(f"`{label}`" for label in metric._labelnames) or NOTHING
        for name, metric in metric_names().items()
    }
    assert documented == labels


def test_every_frame_and_reason_is_documented() -> None:
    types = set(re.findall(r'"type": ?"(\w+)"', inspect.getsource(protocol)))
    assert {frame["type"] for frame in GOLDEN.values()} == types
    document = text("docs/protocol.md")
    headings = set(re.findall(r"\w+", " ".join(re.findall(r"^### (.+)$", document, flags=re.M))))
    assert types <= headings
    assert [reason for reason in [*AuthFailure, *ResyncReason] if f"| `{reason}` |" not in document] == []


def test_an_example_of_a_frame_is_a_golden_one() -> None:
    examples = [json.loads(block.text) for block in blocks_of("test_an_example_of_a_frame_is_a_golden_one")]
    assert [example for example in examples if example not in GOLDEN.values()] == []
    assert {frame["type"] for frame in GOLDEN.values()} == {example["type"] for example in examples}
    said = set(re.findall(r'`{"type":"(\w+)"', text("docs/protocol.md")))
    assert said == SAID_BY_CLIENTS


def test_every_close_code_is_documented_and_none_that_is_not_there() -> None:
    documented = re.findall(r"^\| (\d{4}) \| `(\w+)` \|", text("docs/protocol.md"), flags=re.M)
    assert {(int(code), name) for code, name in documented} == {(int(code), code.name) for code in Close}


def test_every_decision_is_listed() -> None:
    records = {path.name for path in (ROOT / "docs/decisions").glob("0*.md")}
    listed = re.findall(r"^(\d+)\. \[.+\]\((\d{4})-([\w-]+\.md)\)$", text("docs/decisions/README.md"), flags=re.M)
    assert {f"{number}-{rest}" for _, number, rest in listed} == records
    assert [int(place) for place, _, _ in listed] == [int(number) for _, number, _ in listed]
    assert [int(place) for place, _, _ in listed] == list(range(1, len(records) + 1))


@pytest.mark.parametrize("record", sorted((ROOT / "docs/decisions").glob("0*.md")), ids=lambda path: path.name[:4])
def test_a_decision_has_its_title_from_the_list_and_a_status(record: Path) -> None:
    title, status = re.match(r"# \d+\. (.+)\n\n(.+)\n", record.read_text()).groups()  # type: ignore[union-attr]
    assert f"[{title}]({record.name})" in text("docs/decisions/README.md")
    assert re.match(r"Status: accepted, \d{4}-\d\d-\d\d\.", status)


def test_the_dashboard_asks_for_metrics_that_are_there_and_leaves_none_out() -> None:
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
