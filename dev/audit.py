"""Known weaknesses of the deployed packages: `make audit`.

Input: `requirements/runtime.lock`. Output: a sentence for each package with a known weakness, and exit code 1 if there
is one. pip-audit asks only the package index itself for its advisories. If the index has none (a mirror with files
only), the result is NOT AUDITED instead of a pass, and with CLARION_AUDIT_ALL=1 a failure.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "requirements" / "runtime.lock"

#: One small request for each package, of which there are dozens (seconds).
PATIENCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Audit:
    """The result: weaknesses as sentences, and the names of packages without information."""

    packages: int
    weaknesses: Sequence[str]
    unasked: Sequence[str]

    @property
    def sentence(self) -> str:
        """What came of it, for people."""
        if self.weaknesses:
            return f"Of {self.packages} packages {len(self.weaknesses)} weaknesses are known."
        if self.unasked:
            return (
                f"NOT AUDITED: the registry has no advisories to give of {len(self.unasked)} of {self.packages} "
                "packages. Run `make audit` where PyPI itself answers."
            )
        return f"Of {self.packages} packages no weakness is known."

    def exit_code(self, *, all_asked: bool) -> int:
        """1 where a weakness is known, or where not all could be asked about and all must be."""
        return int(bool(self.weaknesses) or (all_asked and bool(self.unasked)))


def audit_of(report: dict[str, Any]) -> Audit:
    """Parse a report of pip-audit."""
    packages = report["dependencies"]
    weaknesses = [
        f"{package['name']} {package['version']}: {weakness['id']}, mended in {_versions(weakness['fix_versions'])}"
        for package in packages
        for weakness in package.get("vulns", ())
    ]
    return Audit(len(packages), weaknesses, [package["name"] for package in packages if "skip_reason" in package])


def _versions(versions: Sequence[str]) -> str:
    return ", ".join(versions) or "none yet"


def main() -> int:
    """Ask, print the result, and return the exit code."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service=pypi", "--disable-pip", "--require-hashes"]
    command += ["--format=json", "--progress-spinner=off", f"--requirement={LOCK}"]
    asked = subprocess.run(  # noqa: S603 - constants
        command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    all_asked = os.environ.get("CLARION_AUDIT_ALL") == "1"
    if not asked.stdout.strip():
        print(f"NOT AUDITED: {asked.stderr.strip()[-500:]}")
        return int(all_asked)
    audit = audit_of(json.loads(asked.stdout))
    for weakness in audit.weaknesses:
        print(weakness)
    print(audit.sentence)
    return audit.exit_code(all_asked=all_asked)


if __name__ == "__main__":
    sys.exit(main())
