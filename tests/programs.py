"""An external program that a test needs: its path, or the reason why the test cannot run.

With CLARION_MUST_RUN_ALL=1, as before a merge, a missing program is a failure.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from dev.programs import Program

#: Node's test runner is there from 18 on; 20 is the oldest that is still maintained anywhere.
NODE_OLDEST = 20


def needed(program: Program) -> Path:
    """Where the program is; else the test is skipped, saying what to install, or fails where everything must run."""
    path = program.path()
    if path is None:
        cannot_run(program.advice)
    return path


def cannot_run(why: str) -> NoReturn:
    """Skip the test with this reason, or fail where everything must run."""
    if os.environ.get("CLARION_MUST_RUN_ALL") == "1":
        pytest.fail(f"{why} (CLARION_MUST_RUN_ALL=1: nothing may be left out)")
    pytest.skip(why)


def node() -> str:
    """Where Node is; else as `needed`."""
    program = shutil.which("node")
    if program is None:
        cannot_run("Node is not installed: the browser's client is not tested")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < NODE_OLDEST:
        cannot_run(f"Node {version.strip()} is too old to test the browser's client: {NODE_OLDEST} or newer is needed")
    return program
