"""Joins the running stack, as benchmarks use it.

Output: this process has the environment of the stack of `make run`, with Django ready. Without a running stack it
prints that and exits with code 2.
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
