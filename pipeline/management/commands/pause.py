"""`manage.py pause KIND`: pause the delivery of a kind; without KIND, list the paused kinds."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ... import kinds
from ...outbox import pauses


class Command(BaseCommand):
    """Pause a kind, or list the paused ones."""

    help = "Have everything wait that would tell a kind, until it is resumed; or list the kinds that are paused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which kind, and whether the web app has to know it."""
        parser.add_argument("kind", nargs="?", help="its name, in capitals; without one, list what is paused")
        parser.add_argument("--undeclared", action="store_true", help="only services tell of it, or undeclared code")

    def handle(self, *, kind: str | None, undeclared: bool, **_: Any) -> None:
        """Pause or list."""
        if kind is None:
            self.stdout.write("\n".join(pauses.in_force()) or "No kind is paused.")
            return
        declared = sorted(one.name for one in kinds.all_declared())
        if kind not in declared and not undeclared:
            raise CommandError(
                f"no kind {kind} is declared; these are: {', '.join(declared) or 'none'}. One that is told without "
                f"being declared, as by a service: `pause {kind} --undeclared`"
            )
        if not 0 < len(kind) <= pauses.KIND_MAX_LENGTH:
            raise CommandError(f"the name of a kind has 1 to {pauses.KIND_MAX_LENGTH} characters")
        if not pauses.pause(kind, by=_account()):
            raise CommandError(f"{kind} is paused already; `pause` says since when")
        self.stdout.write(f"The kind {kind} is paused, within a second.")


def _account() -> str:
    """Who asks, as the machine knows them; nothing where it has no name for them, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
