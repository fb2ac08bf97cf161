"""A run of tests within a test, with servers and settings of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_tests(files: Sequence[str], patience_seconds: float, **variables: str) -> None:
    """Run these files below tests/ in an environment with these variables; fail if any test fails or is skipped."""
    # A run of its own: it must not wait for the locks of this one (tests/parallel.py).
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_XDIST")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "--no-header", "-p", "no:cacheprovider"]
        + [f"tests/{file}" for file in files],
        cwd=ROOT,
        env=env | variables,
        capture_output=True,
        text=True,
        timeout=patience_seconds,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert "skipped" not in run.stdout
