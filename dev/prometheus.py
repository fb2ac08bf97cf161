"""Prometheus as a child process, with alert rules that fire sooner than in production.

Input: a data folder, the targets to scrape, and the rules. Output: the firing alerts, by name. Only tests use it.
"""

import re
import signal
from collections.abc import Mapping
from pathlib import Path

import httpx

from dev.account import AsUser
from dev.programs import PROMETHEUS
from dev.servers import Server, ServerFailed

#: Between two looks at everything.
INTERVAL = "500ms"
#: What a minute of a window (`[5m]`) is here (milliseconds): short, so that an alert ends soon after its cause; long
#: enough for several looks, also on a machine that is busy.
MINUTE_MILLISECONDS = 600

_CONFIGURATION = """
global: {{ scrape_interval: {interval}, evaluation_interval: {interval} }}
rule_files: [alerts.yml]
scrape_configs:
"""

_JOB = """
  - job_name: {name}
    metrics_path: {path}
    {authorization}
    static_configs: [{{ targets: ["127.0.0.1:{port}"] }}]
"""


class Prometheus(Server):
    """Scrapes the given targets, and evaluates the rules without waiting `for` anything, over shortened windows."""

    name = "Prometheus"
    process_names = ("prometheus",)
    stop_signal = signal.SIGTERM

    def __init__(self, data_dir: Path, *, jobs: Mapping[str, tuple[int, str]], token: str, rules: str) -> None:
        """`jobs` are (port, path) by name."""
        super().__init__(data_dir)
        self._jobs, self._token = jobs, token
        at_once = re.sub(r"^(\s+for:) .*$", r"\1 0s", rules, flags=re.M)
        self._rules = re.sub(r"\[(\d+)m\]", lambda window: f"[{int(window[1]) * MINUTE_MILLISECONDS}ms]", at_once)

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def firing(self) -> dict[str, str]:
        """Return the firing alerts: the summary of each, by its name; one of several of the same name."""
        alerts = httpx.get(f"{self.url}/api/v1/alerts", timeout=5).json()["data"]["alerts"]
        return {
            alert["labels"]["alertname"]: alert["annotations"]["summary"]
            for alert in alerts
            if alert["state"] == "firing"
        }

    def unwell(self) -> list[str]:
        """Return the errors of evaluating the rules."""
        groups = httpx.get(f"{self.url}/api/v1/rules", timeout=5).json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] not in ("ok", "unknown")]

    def evaluated(self) -> int:
        """How many rules have been evaluated."""
        groups = httpx.get(f"{self.url}/api/v1/rules", timeout=5).json()["data"]["groups"]
        return sum(rule["health"] == "ok" for group in groups for rule in group["rules"])

    def _prepare(self) -> tuple[list[str | Path], AsUser]:
        program = PROMETHEUS.path()
        if program is None:
            raise ServerFailed(PROMETHEUS.advice)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        authorization = f"authorization: {{ credentials: {self._token} }}"
        jobs = [
            _JOB.format(name=name, path=path, port=port, authorization=authorization)
            for name, (port, path) in self._jobs.items()
        ]
        configuration = self.data_dir / "prometheus.yml"
        configuration.write_text(_CONFIGURATION.format(interval=INTERVAL) + "".join(jobs))
        (self.data_dir / "alerts.yml").write_text(self._rules)
        options = {"config.file": configuration, "storage.tsdb.path": self.data_dir / "data"}
        listen = f"--web.listen-address=127.0.0.1:{self.port}"
        return [program, *(f"--{name}={value}" for name, value in options.items()), listen], AsUser()

    def _answers(self, pid: int) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=1).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
