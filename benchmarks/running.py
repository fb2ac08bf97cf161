"""The running stack, as benchmarks use it.

Enters: nothing but what `make run` has left for others to find. Leaves: this process in the stack's environment, with
Django ready; or the message that no stack is running, and exit code 2.
"""

import os

import django
import typer
from rich.console import Console

from dev.stack import NoStack, load_stack


def join_stack(console: Console) -> str:
    """Be a process of the running stack; the address of its sockets."""
    try:
        os.environ.update(load_stack())
    except NoStack as missing:
        console.print(str(missing))
        raise typer.Exit(2) from missing
    django.setup()
    return f"ws://{os.environ['CLARION_BIND']}:{os.environ['CLARION_EDGE_PORT']}/ws/notification-updates/"
