"""A program that a test needs and that is not ours: where it is, or why the test cannot run.

Where everything must run (CLARION_MUST_RUN_ALL=1, as before anything is merged), what is missing is a failure.
"""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from dev.programs import Program


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
