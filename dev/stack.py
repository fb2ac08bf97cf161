"""Finds the running stack from another terminal.

Input: a port base. Output: the environment of the stack's processes, which the runner wrote when every process
answered, so that `make burst` and tests use the same servers and secrets. A file that a crash left over is ignored.
Raises NoStack, whose message says what to do.
"""

import json
import os

import psutil

from dev.stack_config import DATA, DEFAULT_PORT_BASE, MARK, URLS, Ground, write_private

_FILE = "stack.json"

#: What others need besides CLARION_*.
_TOLD = frozenset({*URLS, "DJANGO_SETTINGS_MODULE"})


#: The start of a process is derived from that of the machine, which changes a little when the clock is set (seconds).
_CLOCK_SECONDS = 2


class NoStack(RuntimeError):
    """No stack is running."""


def load_stack(port_base: int | None = None) -> dict[str, str]:
    """Load the environment of the stack on this port base; by default CLARION_PORT_BASE, else 8000."""
    base = port_base or int(os.environ.get("CLARION_PORT_BASE") or DEFAULT_PORT_BASE)
    file = DATA / str(base) / _FILE
    advice = (
        f"No stack is running on ports {base} and up. Start one with `make run` in another terminal and wait for its "
        "line `Ready:`; CLARION_PORT_BASE tells which one is meant."
    )
    try:
        stack = json.loads(file.read_text())
        since = psutil.Process(stack["pid"]).create_time()
    except PermissionError as error:
        raise NoStack(f"{file} belongs to another account: run this as the account that runs the stack.") from error
    except (OSError, psutil.NoSuchProcess) as error:
        raise NoStack(advice) from error
    if abs(since - stack["since"]) > _CLOCK_SECONDS:  # A stranger got the number of a runner that crashed.
        raise NoStack(advice)
    return {str(name): str(value) for name, value in stack["environment"].items()}


def announce(ground: Ground, environment: dict[str, str]) -> None:
    """Let others find this stack. The file contains only the stack's part of the environment."""
    told = {name: value for name, value in environment.items() if name in _TOLD or name.startswith("CLARION_")}
    del told[MARK]  # A process that reads this is not part of the stack, and must not be mistaken for a left-over one.
    runner = psutil.Process()
    content = {"pid": runner.pid, "since": runner.create_time(), "environment": told}
    write_private(ground.folder / _FILE, json.dumps(content, indent=2))


def withdraw(ground: Ground) -> None:
    """Forget the stack."""
    (ground.folder / _FILE).unlink(missing_ok=True)
