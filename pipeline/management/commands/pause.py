"""`manage.py pause KIND`: pause the delivery of a kind; without KIND, list the paused kinds."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ... import kinds
from ...outbox import pauses


class Command(BaseCommand):
    """Pause a kind, or list the paused ones."""

    help = "Pause a kind: hold its events and batches until `resume`. Without a name, list the paused kinds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which kind, and whether the web app has to know it."""
        parser.add_argument("kind", nargs="?", help="name of the kind, in capitals; without it, list the paused kinds")
        parser.add_argument(
            "--undeclared",
            action="store_true",
            help="the kind is not declared here, for example one that only services send",
        )

    def handle(self, *, kind: str | None, undeclared: bool, **_: Any) -> None:
        """Pause or list."""
        if kind is None:
            self.stdout.write("\n".join(pauses.in_force()) or "No kind is paused.")
            return
        declared = sorted(one.name for one in kinds.all_declared())
        if kind not in declared and not undeclared:
            raise CommandError(
                f"no kind {kind} is declared; these are: {', '.join(declared) or 'none'}. For a kind that "
                f"only a service sends: `pause {kind} --undeclared`"
            )
        if not 0 < len(kind) <= pauses.KIND_MAX_LENGTH:
            raise CommandError(f"the name of a kind must have 1 to {pauses.KIND_MAX_LENGTH} characters")
        if not pauses.pause(kind, by=_account()):
            raise CommandError(f"{kind} is already paused; `pause` shows since when")
        self.stdout.write(f"The kind {kind} is paused; workers follow within a second.")


def _account() -> str:
    """Who asks, as the machine knows them; nothing where it has no name for them, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
