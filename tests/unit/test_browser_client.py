"""The browser's client, tested in Node against a clock and sockets of the tests' own."""

import shutil
import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).resolve().parents[2] / "edge" / "client"

#: Node's test runner is there from 18 on; 20 is the oldest that is still maintained anywhere.
NODE_OLDEST = 20


def node() -> str:
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed: the browser's client is not tested")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < NODE_OLDEST:
        pytest.skip(f"Node {version.strip()} is too old to test the browser's client: {NODE_OLDEST} or newer is needed")
    return program


def test_the_client_passes_its_own_tests() -> None:
    files = sorted(str(path) for path in CLIENT.glob("tests/*.test.js"))
    assert files
    run = subprocess.run([node(), "--test", *files], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
