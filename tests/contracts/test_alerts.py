"""Alerts, runbook and page of health name the same things, and metrics that are there."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from clarion.pipeline.dashboard import problems
from dev.programs import PROMETHEUS
from tests.contracts.test_docs import ROOT, metric_names
from tests.programs import needed

ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((ROOT / "deploy/alerts.yml").read_text())["groups"] for rule in group["rules"]
]
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
SECTIONS = {
    heading.lower().replace(" ", "-"): text
    for heading, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", RUNBOOK, flags=re.M | re.S)
}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_names_metrics_that_are_there_and_a_section_that_names_it(alert: dict[str, Any]) -> None:
    asked = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bclarion_\w+", alert["expr"])}
    assert asked <= set(metric_names())
    assert asked or alert["expr"].startswith("up{")
    document, _, section = alert["annotations"]["runbook"].partition("#")
    assert document == "docs/runbook.md"
    assert f"`{alert['alert']}`" in SECTIONS[section]
    assert alert["annotations"]["summary"]
    assert alert["labels"]["severity"] in ("page", "ticket")


def test_a_label_that_an_alert_asks_for_is_one_of_the_metrics() -> None:
    metrics = metric_names()
    for alert in ALERTS:
        for name, labels in re.findall(r"\b(clarion_\w+)\{([^}]*)\}", alert["expr"]):
            asked = set(re.findall(r"(\w+)=", labels))
            assert asked - {"job", "instance"} <= set(metrics[re.sub(r"_(bucket|sum|count)$", "", name)]._labelnames), (
                alert["alert"]
            )


def test_a_section_says_what_it_means_what_to_do_and_where_it_was_tried() -> None:
    named = set(re.findall(r"`(Clarion\w+)`", RUNBOOK))
    assert named == {alert["alert"] for alert in ALERTS}
    for section, text in SECTIONS.items():
        for part in ("**It means**", "**Do**", "**Tried**"):
            assert part in text, f"{section}: {part}"


def test_each_alert_is_raised_by_a_test_of_the_runbook() -> None:
    tried = (ROOT / "tests/acceptance/test_runbook.py").read_text()
    assert set(re.findall(r'"(Clarion\w+)"', tried)) == {alert["alert"] for alert in ALERTS}


def test_a_finding_of_the_page_of_health_has_its_section() -> None:
    source = Path(problems.__file__).read_text()
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"\)', source))
    assert len(named) >= 6
    assert named <= set(SECTIONS)


def test_prometheus_takes_the_rules_and_the_configuration(tmp_path: Path) -> None:
    promtool = needed(PROMETHEUS).with_name("promtool")
    configuration = (ROOT / "deploy/prometheus.yml").read_text().replace("/run/secrets/clarion_service_token", "token")
    (tmp_path / "token").write_text("token")
    (tmp_path / "prometheus.yml").write_text(configuration)
    (tmp_path / "alerts.yml").write_text((ROOT / "deploy/alerts.yml").read_text())
    checked = subprocess.run(
        [str(promtool), "check", "config", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr + checked.stdout
    assert f"{len(ALERTS)} rules found" in checked.stdout
