"""Rules for each service of compose.yml, and its agreement with other files."""

import re
from typing import Any

import pytest
import yaml
from psycopg.pq import Conninfo

from clarion.pipeline.celery.app import app
from clarion.shared.database import parse
from clarion.shared.output_buffer import is_too_small
from clarion.shared.settings import Settings
from tests import compose
from tests.compose import ROOT, SECRETS, Service
from tests.contracts.test_layout import procfile

SERVICES = compose.services()
LASTING = [service for service in SERVICES.values() if not service.runs_once]
OURS = [service for service in SERVICES.values() if service.is_ours]


def by_name(service: Service) -> str:
    return service.name


def queues(service: Service) -> list[str]:
    words = [word for word in service.command if word.startswith("--queues=")]
    return words[0].removeprefix("--queues=").split(",") if words else []


def drain_seconds(service: Service) -> float:
    """How long this service takes to end when it is asked to."""
    if service.name.startswith("edge"):
        default = Settings.model_fields["drain_seconds"].default
        return float(service.environment.get("CLARION_DRAIN_SECONDS", default))
    waits = [int(seconds) for words in service.before_stop for seconds in re.findall(r"sleep (\d+)", words[-1])]
    graceful = [word for word in service.command if word.startswith("--graceful-timeout=")]
    if service.name == "balancer":
        graceful = re.findall(r"hard-stop-after (\d+)s", (ROOT / "deploy/haproxy.cfg").read_text())
    return sum(waits) + float(graceful[0].split("=")[-1]) if graceful else 0


@pytest.mark.parametrize("service", SERVICES.values(), ids=by_name)
def test_memory_limit_and_stop_time(service: Service) -> None:
    """A service has a memory limit and enough time to stop."""
    assert re.fullmatch(r"\d+[mg]", service.content["mem_limit"])
    assert service.stop_seconds > drain_seconds(service) + (4 if drain_seconds(service) else 0)


@pytest.mark.parametrize("service", LASTING, ids=by_name)
def test_health_check_and_restart(service: Service) -> None:
    """A lasting service has a health check and is restarted."""
    assert service.health
    assert service.content["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", OURS, ids=by_name)
def test_least_privilege(service: Service) -> None:
    """A service of Clarion runs read-only, without capabilities, volumes or new privileges."""
    assert service.content["read_only"] is True
    assert service.content["cap_drop"] == ["ALL"]
    assert service.content["security_opt"] == ["no-new-privileges:true"]
    assert not service.content.get("privileged")
    assert "user" not in service.content  # the image's own, which is not root
    assert not service.content.get("volumes")


def test_image_user() -> None:
    """The image runs as an unprivileged user, and all its files are added before."""
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    users = re.findall(r"^USER (\S+)$", stages[-1], flags=re.M)
    assert users == ["clarion"]
    assert re.search(r"useradd .*--uid [1-9]\d{3,} .*clarion", stages[-1])
    assert not re.search(r"^(RUN|COPY|ADD) ", stages[-1].split("USER clarion")[1], flags=re.M)


def test_image_files() -> None:
    """The files that the image is built from exist."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    assert [path for path in allowed if not (ROOT / path).exists()] == []
    copied = re.findall(r"^COPY (?!--from)(\S+) ", (ROOT / "Dockerfile").read_text(), flags=re.M)
    assert [path for path in copied if path != "." and path not in allowed] == []


def test_image_packages() -> None:
    """The image has the package `clarion`, and every folder that a link in it leads to."""
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    links = [path for path in (ROOT / "clarion").iterdir() if path.is_symlink()]
    assert {path.resolve().relative_to(ROOT).parts[0] for path in links} | {"clarion"} <= allowed


@pytest.mark.parametrize("password", ["p@ss/w%rd", "a:b#c?d", "%40", "with a space and 'quotes'"])
def test_password_with_any_character(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process sends Postgres the password as it was set, with characters that a URL reserves."""
    for service in compose.services({**SECRETS, "POSTGRES_PASSWORD": password}).values():
        if not service.is_ours:
            continue
        parameters = parse(service.environment["DATABASE_URL"]).parameters
        assert (parameters["host"], parameters["user"]) == ("postgres", "clarion")
        monkeypatch.setenv("PGPASSWORD", service.environment["PGPASSWORD"])
        defaults = {one.keyword.decode(): one.val for one in Conninfo.get_defaults()}  # as libpq reads them
        assert (parameters.get("password") or (defaults["password"] or b"").decode()) == password


def test_two_workers_per_queue() -> None:
    """Every queue has two workers, and no worker consumes an unknown queue."""
    workers: dict[str, int] = {}
    for service in OURS:
        for queue in queues(service):
            workers[queue] = workers.get(queue, 0) + service.content["deploy"]["replicas"]
    app.loader.import_default_modules()
    assert workers == {queue.name: 2 for queue in app.conf.task_queues}


def test_services_of_procfile() -> None:
    """The services are the processes of the Procfile, with the same queues."""
    ours = {re.sub(r"-\d$", "", service.name) for service in OURS} - {"migrate"}
    assert ours == set(procfile())
    for name, command in procfile().items():
        if name.startswith("worker"):
            assert queues(SERVICES[name]) == re.findall(r"--queues=(\S+)", command)[0].split(",")


def test_dependency_conditions() -> None:
    """A service waits for the health of lasting services and for the completion of others."""
    for service in SERVICES.values():
        needs: dict[str, dict[str, Any]] = service.content.get("depends_on", {})
        for name, how in needs.items():
            needed = SERVICES[name]
            expected = "service_completed_successfully" if needed.runs_once else "service_healthy"
            assert how == {"condition": expected}, f"{service.name} on {name}"
    assert all("migrate" in service.content["depends_on"] for service in OURS if not service.runs_once)


@pytest.mark.parametrize("variable", SECRETS)
def test_missing_secret(variable: str) -> None:
    """Without a secret the stack does not start, and the error names the variable."""
    with pytest.raises(compose.NotSet, match=f"set {variable}"):
        compose.services({name: value for name, value in SECRETS.items() if name != variable})


def test_published_ports() -> None:
    """Only the load balancer publishes a port beyond the local host."""
    published = {
        service.name: [port.rsplit(":", 1)[0] for port in service.content.get("ports", ())]
        for service in SERVICES.values()
    }
    assert published.pop("balancer") == ["127.0.0.1:8080", "8443"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_known_variables() -> None:
    """Each CLARION_ variable of a service is a setting."""
    known = {f"{Settings.model_config['env_prefix']}{field}".upper() for field in Settings.model_fields}
    for service in OURS:
        ours = {name for name in service.environment if name.startswith("CLARION_")}
        assert ours <= known


def test_balancer_and_scrape_targets() -> None:
    """The targets of the load balancer and of Prometheus are existing services."""
    targets = re.findall(r"^\s+server \S+ ([\w-]+):\d+", (ROOT / "deploy/haproxy.cfg").read_text(), flags=re.M)
    scraped = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"]
    names = [name for job in scraped for found in job["dns_sd_configs"] for name in found["names"]]
    assert set(targets) | set(names) <= set(SERVICES)
    assert set(targets) == {"edge-1", "edge-2", "web-1", "web-2"}
    workers = {service.name for service in OURS if queues(service)}
    assert workers | set(targets) == set(names)


@pytest.mark.parametrize("service", SERVICES.values(), ids=by_name)
def test_mounted_files(service: Service) -> None:
    """A mounted file exists."""
    mounted = [volume.split(":")[0] for volume in service.content.get("volumes", ()) if volume.startswith("./")]
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_grafana_provisioning() -> None:
    """Grafana is provisioned with Prometheus and the dashboard."""
    provisioning = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    host = re.fullmatch(r"http://([\w-]+):(\d+)", source["url"])
    assert host
    assert SERVICES[host[1]].content["profiles"] == SERVICES["grafana"].content["profiles"] == ["metrics"]
    assert f":{host[2]}/" in SERVICES[host[1]].health[-1]
    (provider,) = yaml.safe_load((provisioning / "dashboards/clarion.yml").read_text())["providers"]
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["grafana"].content["volumes"])
    assert mounted["./deploy/grafana/clarion.json"].startswith(provider["options"]["path"])
    assert mounted["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"


def test_prometheus_token() -> None:
    """Prometheus is given the service token that the web service accepts."""
    document = yaml.safe_load((ROOT / "compose.yml").read_text())
    (secret,) = SERVICES["prometheus"].content["secrets"]
    variable = document["secrets"][secret]["environment"]
    given = compose.services({**SECRETS, variable: "t" * 40})
    assert given["web-1"].environment["CLARION_SERVICE_TOKENS"] == "t" * 40
    assert f"/run/secrets/{secret}" in (ROOT / "deploy/prometheus.yml").read_text()


def test_pubsub_output_buffer_limit() -> None:
    """The output buffer limit of Redis lets an edge leave a burst unread."""
    command = SERVICES["valkey"].command
    words = command[command.index("--client-output-buffer-limit") + 1].split()
    megabytes = [int(word.removesuffix("mb")) for word in words[1:3]]
    assert words[0] == "pubsub"
    assert not is_too_small((megabytes[0] * 2**20, megabytes[1] * 2**20))
