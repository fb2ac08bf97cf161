"""The browser's scripts, tested in Node: the client on a clock and sockets of the tests' own, the forum's kinds."""

import subprocess
from pathlib import Path

import pytest

from tests.programs import node

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("scripts", ["edge/client", "examples/forum"])
def test_scripts_pass_their_own_tests(scripts: str) -> None:
    files = sorted(str(path) for path in (ROOT / scripts).glob("tests/*.test.js"))
    assert files
    run = subprocess.run([node(), "--test", *files], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
