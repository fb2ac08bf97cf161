"""`manage.py clarion <subcommand>`: the commands of Clarion that need no name of their own."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ..clarion import dev, doctor, env, rekey

#: The modules of the subcommands, by name.
SUBCOMMANDS = {"dev": dev, "doctor": doctor, "env": env, "rekey": rekey}

#: Options of every command, which Django handles itself.
OF_DJANGO = {
    "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks", "stdout", "stderr"
}  # fmt: skip


class Command(BaseCommand):
    """Run a subcommand."""

    help = "Commands of Clarion."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the subcommands."""
        subparsers = parser.add_subparsers(dest="subcommand", required=True)
        for name, module in SUBCOMMANDS.items():
            module.add_arguments(subparsers.add_parser(name, help=module.HELP))

    def handle(self, *, subcommand: str, **options: Any) -> None:
        """Run it."""
        module = SUBCOMMANDS[subcommand]
        module.handle(self, **{name: value for name, value in options.items() if name not in OF_DJANGO})
