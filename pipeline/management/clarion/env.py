"""`manage.py clarion env`: print the environment of the project's edges."""

import json
import shlex
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from ....shared.edge_settings import edge_settings
from ...edge_environment import environment

HELP = "Print the variables that the edges of this project need; secrets are among them."

FORMATS: Final[dict[str, Callable[[Mapping[str, str]], str]]] = {
    "shell": lambda found: "\n".join(f"export {name}={shlex.quote(value)}" for name, value in found.items()),
    "dotenv": lambda found: "\n".join(f"{name}={value}" for name, value in found.items()),
    "json": lambda found: json.dumps(found, indent=2),
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the format."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="shell",
        help="shell: lines for eval; dotenv: for --env-file of containers and EnvironmentFile of systemd",
    )


def handle(command: BaseCommand, *, format: str) -> None:
    """Print them."""
    try:
        found = environment(edge_settings())
    except (ImproperlyConfigured, ValueError) as error:
        raise CommandError(str(error)) from error
    if format != "json" and any("\n" in value for value in found.values()):
        raise CommandError("a value has a line break: use --format json")
    command.stdout.write(FORMATS[format](found))
