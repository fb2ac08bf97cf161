"""Alerts, the runbook and the health page use the same names, and metrics that exist."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import reverse

from clarion.pipeline.dashboard import problems
from dev.programs import PROMETHEUS
from tests.contracts import runbook_page
from tests.docs.test_references import ROOT, metric_names
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
def test_alert_metrics_and_runbook(alert: dict[str, Any]) -> None:
    """An alert uses existing metrics and links to the runbook section that describes it."""
    asked = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bclarion_\w+", alert["expr"])}
    assert asked <= set(metric_names())
    assert asked or alert["expr"].startswith("up{")
    page, _, section = alert["annotations"]["runbook_url"].partition("#")
    assert page == f"https://{{{{ $externalLabels.site }}}}{reverse('admin:clarion_pipeline_runbook')}"
    assert f"`{alert['alert']}`" in SECTIONS[section]
    assert alert["annotations"]["summary"]
    assert alert["labels"]["severity"] in ("critical", "warning")


def test_alert_labels() -> None:
    """The labels in the expression of an alert are labels of its metrics."""
    metrics = metric_names()
    for alert in ALERTS:
        for name, labels in re.findall(r"\b(clarion_\w+)\{([^}]*)\}", alert["expr"]):
            asked = set(re.findall(r"(\w+)=", labels))
            assert asked - {"job", "instance"} <= set(metrics[re.sub(r"_(bucket|sum|count)$", "", name)]._labelnames), (
                alert["alert"]
            )


def test_runbook_sections() -> None:
    """Each section of the runbook states its meaning, the remedy and the test that tried it."""
    named = set(re.findall(r"`(Clarion\w+)`", RUNBOOK))
    assert named == {alert["alert"] for alert in ALERTS}
    for section, text in SECTIONS.items():
        for part in ("**It means**", "**Do**", "**Tried**"):
            assert part in text, f"{section}: {part}"


def test_alerts_raised_in_runbook_tests() -> None:
    """Each alert is raised by a test of the runbook."""
    tried = (ROOT / "tests/acceptance/test_runbook.py").read_text()
    assert set(re.findall(r'"(Clarion\w+)"', tried)) == {alert["alert"] for alert in ALERTS}


def test_finding_has_runbook_section() -> None:
    """Each finding of the health page links to a section of the runbook."""
    source = Path(problems.__file__).read_text()
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)",?\s*\)', source))
    assert len(named) >= 6
    assert named <= set(SECTIONS)


def test_runbook_page() -> None:
    """The admin's page of the runbook is the text that is made from the documentation, with each of its sections."""
    page = runbook_page.PAGE.read_text()
    assert page == runbook_page.rendered(), "out of date: run `make client`"
    assert set(re.findall(r'<h2 id="([^"]+)"', page)) == set(SECTIONS)


def test_dashboard_links() -> None:
    """The panels of Grafana's dashboard link to sections of the runbook, and the states of servers are words."""
    panels = json.loads((ROOT / "deploy/grafana/clarion.json").read_text())["panels"]
    linked = [link["url"].partition("#") for panel in panels for link in panel.get("links", ())]
    assert len(linked) > 10
    assert {page for page, _, _ in linked} == {"${runbook}"}
    assert {section for _, _, section in linked} <= set(SECTIONS)
    (broker,) = [panel for panel in panels if panel["title"] == "Broker"]
    assert broker["fieldConfig"]["defaults"]["mappings"][0]["options"]["0"]["text"] == "does not answer"


#: A web that is down, as `promtool test rules` describes it.
WEB_DOWN = """
rule_files: [alerts.yml]
tests:
  - external_labels: { site: mysite.example }
    input_series: [{ series: 'up{job="web", instance="web-1"}', values: "0 0 0" }]
    alert_rule_test:
      - eval_time: 2m
        alertname: ClarionWebDown
        exp_alerts:
          - exp_labels: { severity: critical, job: web, instance: web-1 }
            exp_annotations:
              summary: web web-1 does not answer Prometheus
              runbook_url: https://mysite.example/admin/clarion_pipeline/sample/runbook/#a-web-is-gone
"""


def test_link_of_raised_alert(tmp_path: Path) -> None:
    """A raised alert has the address of its section of the runbook."""
    (tmp_path / "alerts.yml").write_text((ROOT / "deploy/alerts.yml").read_text())
    (tmp_path / "test.yml").write_text(WEB_DOWN)
    promtool = needed(PROMETHEUS).with_name("promtool")
    tested = subprocess.run(
        [promtool, "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_prometheus_configuration(tmp_path: Path) -> None:
    """Prometheus accepts the alert rules and its configuration."""
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
