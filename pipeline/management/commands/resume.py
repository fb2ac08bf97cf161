"""`manage.py resume KIND`: resume the delivery of a kind; without KIND, list the paused kinds."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...outbox import pauses
from ...outbox.models import Pause


class Command(BaseCommand):
    """Resume a kind, or list the paused ones."""

    help = "Tell people of a paused kind again, what waited first; or list the kinds that are paused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which kind."""
        parser.add_argument("kind", nargs="?", help="its name, in capitals; without one, list what is paused")

    def handle(self, *, kind: str | None, **_: Any) -> None:
        """Resume or list."""
        paused = list(Pause.objects.order_by("kind").values_list("kind", flat=True))
        if kind is None:
            self.stdout.write("\n".join(pauses.in_force()) or "No kind is paused.")
            return
        if kind not in paused:
            raise CommandError(f"{kind} is not paused; these are: {', '.join(paused) or 'none'}")
        self.stdout.write(f"The kind {kind} goes on; {pauses.resume(kind)} had waited.")
