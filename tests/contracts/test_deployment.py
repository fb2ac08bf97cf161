"""The recipes of docs/deployment.md: Kubernetes, systemd and platforms with one port agree with the processes."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from clarion.pipeline.celery.queues import QUEUES
from clarion.shared.settings import Settings
from dev.programs import SYSTEMD_ANALYZE
from tests.contracts.test_layout import procfile
from tests.docs.blocks import ROOT, blocks_of
from tests.processes import BIN
from tests.programs import needed

MANIFESTS = [
    (path.name, document)
    for path in sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
WORKLOADS = [manifest for _, manifest in MANIFESTS if manifest["kind"] in ("Deployment", "Job")]
DEPLOYMENTS = {one["metadata"]["name"]: one for one in WORKLOADS if one["kind"] == "Deployment"}
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
DOCUMENT = (ROOT / "docs/deployment.md").read_text()
VERSIONS = re.findall(r"\d\.\d+", DOCUMENT.split("validated against the schemas of Kubernetes")[1].split(";")[0])


def named(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}-{manifest['metadata']['name']}"


def pod(manifest: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return spec


def container(manifest: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod(manifest)["containers"]
    return dict(only)


def options(words: list[str]) -> set[str]:
    """Return the options of a worker that decide about its tasks."""
    kept = ("--queues=", "--pool=", "--concurrency=", "--prefetch-multiplier=")
    return {word for word in words if word.startswith(kept)}


def command(unit: Path) -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), flags=re.M)
    return shlex.split(line)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", [one for _, one in MANIFESTS], ids=named)
def test_kubernetes_schema(manifest: dict[str, Any], version: str) -> None:
    """A manifest is valid for each named version of Kubernetes, without unknown fields."""
    assert kubernetes_validate.validate(manifest, version, strict=True) == version


def test_kubernetes_versions() -> None:
    """The newest schema is among the named ones."""
    assert len(VERSIONS) == 3
    assert kubernetes_validate.latest_version().startswith(f"{VERSIONS[-1]}.")


@pytest.mark.parametrize("manifest", WORKLOADS, ids=named)
def test_kubernetes_least_privilege(manifest: dict[str, Any]) -> None:
    """A pod runs as an unprivileged user with a read-only root, and has limits."""
    assert pod(manifest)["securityContext"]["runAsNonRoot"] is True
    context = container(manifest)["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert container(manifest)["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", ["clarion-edge", "mysite-web"])
def test_kubernetes_time_to_end(name: str) -> None:
    """A pod has the time for its preStop and its drain before it is killed."""
    only = container(DEPLOYMENTS[name])
    words = " ".join(only["lifecycle"]["preStop"]["exec"]["command"])
    (waits,) = re.findall(r"sleep (\d+)", words)
    environment = {one["name"]: one["value"] for one in only["env"]}
    graceful = [word.split("=")[1] for word in only["command"] if word.startswith("--graceful-timeout=")]
    ends = float(environment.get("CLARION_DRAIN_SECONDS") or graceful[0])
    assert pod(DEPLOYMENTS[name])["terminationGracePeriodSeconds"] > float(waits) + ends + 4


def test_kubernetes_probes() -> None:
    """The edge is restarted by /healthz and taken out by /readyz, and web is taken out by /api/health."""
    edge, web = container(DEPLOYMENTS["clarion-edge"]), container(DEPLOYMENTS["mysite-web"])
    assert edge["livenessProbe"]["httpGet"]["path"] == edge["startupProbe"]["httpGet"]["path"] == "/healthz"
    assert edge["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert web["readinessProbe"]["httpGet"]["path"] == "/api/health"
    assert "livenessProbe" not in web


def test_kubernetes_references() -> None:
    """Services and budgets select the pods of a deployment, and the ingress leads to services."""
    of_kind = {kind: [one for _, one in MANIFESTS if one["kind"] == kind] for kind in ("Service", "Ingress")}
    services = {one["metadata"]["name"]: one["spec"] for one in of_kind["Service"]}
    for name, spec in services.items():
        labels = DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"]
        assert spec["selector"] == labels == DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"]
        ports = {port["name"] for port in container(DEPLOYMENTS[name])["ports"]}
        assert {port["targetPort"] for port in spec["ports"]} <= ports
    paths = [path for one in of_kind["Ingress"] for rule in one["spec"]["rules"] for path in rule["http"]["paths"]]
    leads = {path["path"]: path["backend"]["service"]["name"] for path in paths}
    assert leads == {
        "/ws/notification-updates": "clarion-edge",
        "/sse/notification-updates": "clarion-edge",
        "/": "mysite-web",
    }


def test_kubernetes_variables() -> None:
    """Each CLARION_ variable of a manifest or a unit is a setting."""
    known = {f"CLARION_{field}".upper() for field in Settings.model_fields}
    texts = [path.read_text() for path in [*ROOT.glob("deploy/kubernetes/*.yaml"), *UNITS]]
    assert {name for text in texts for name in re.findall(r"\bCLARION_[A-Z_]+\b", text)} <= known


@pytest.mark.parametrize("name", ["worker-live", "worker-bursts"])
def test_workers_of_procfile(name: str) -> None:
    """Workers in Kubernetes and under systemd have the queues and threads of the Procfile."""
    expected = options(shlex.split(procfile()[name]))
    assert options(container(DEPLOYMENTS[f"clarion-{name}"])["command"]) == expected
    assert options(command(ROOT / f"deploy/systemd/clarion-{name}.service")) == expected


def test_edges_of_procfile() -> None:
    """Edges in Kubernetes and under systemd are started with the options of the Procfile."""
    expected = [word for word in shlex.split(procfile()["edge"]) if word.startswith(("--verb", "--web", "clarion."))]
    for words in (
        container(DEPLOYMENTS["clarion-edge"])["command"],
        command(ROOT / "deploy/systemd/clarion-edge@.service"),
    ):
        assert set(expected) <= set(words)
        assert any(word.endswith(":backlog=4096") for word in words)


def test_platform_procfile() -> None:
    """The Procfile for platforms with one port has a worker on every queue, and one beat."""
    (block,) = blocks_of("test_platform_procfile")
    lines = dict(line.split(": ", 1) for line in block.text.strip().splitlines())
    assert list(lines) == ["release", "web", "worker", "beat"]
    (queues,) = re.findall(r"--queues=(\S+)", lines["worker"])
    assert sorted(queues.split(",")) == sorted(QUEUES)
    programs = {shlex.split(line)[0] for line in lines.values()}
    assert all((BIN / program).exists() for program in programs)


def test_systemd_units(tmp_path: Path) -> None:
    """Systemd finds no fault in the units; programs and folders are those of this machine."""
    program = needed(SYSTEMD_ANALYZE)
    for unit in UNITS:
        text = unit.read_text().replace("/srv/mysite/.venv/bin", str(BIN)).replace("/srv/mysite", str(ROOT))
        (tmp_path / unit.name.replace("@", "@8001")).write_text(text)
    units = sorted(tmp_path.glob("*.service"))
    verified = subprocess.run(
        [program, "verify", "--man=no", "--recursive-errors=no", *units], capture_output=True, text=True, check=False
    )
    said = [line for line in verified.stderr.splitlines() if str(tmp_path) in line or "clarion-" in line]
    assert (verified.returncode, said) == (0, [])


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_time_to_end(unit: Path) -> None:
    """A unit has more time to end than its drain takes."""
    settings = dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), flags=re.M))
    drain = re.findall(r"CLARION_DRAIN_SECONDS=(\d+)", unit.read_text())
    assert float(settings["TimeoutStopSec"]) > float(drain[0] if drain else 10)
