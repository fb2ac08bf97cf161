"""The browser's scripts, tested in Node: the client on a clock and sockets of the tests' own, the forum's kinds."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.programs import cannot_run

ROOT = Path(__file__).resolve().parents[2]

#: Node's test runner is there from 18 on; 20 is the oldest that is still maintained anywhere.
NODE_OLDEST = 20


def node() -> str:
    program = shutil.which("node")
    if program is None:
        cannot_run("Node is not installed: the browser's client is not tested")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < NODE_OLDEST:
        cannot_run(f"Node {version.strip()} is too old to test the browser's client: {NODE_OLDEST} or newer is needed")
    return program


@pytest.mark.parametrize("scripts", ["edge/client", "examples/forum"])
def test_scripts_pass_their_own_tests(scripts: str) -> None:
    files = sorted(str(path) for path in (ROOT / scripts).glob("tests/*.test.js"))
    assert files
    run = subprocess.run([node(), "--test", *files], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
