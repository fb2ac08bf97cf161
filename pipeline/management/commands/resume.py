"""`manage.py resume KIND`: resume the delivery of a kind; without KIND, list the paused kinds."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...outbox import pauses
from ...outbox.models import Pause


class Command(BaseCommand):
    """Resume a kind, or list the paused ones."""

    help = "Resume a paused kind, held work first. Without a name, list the paused kinds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which kind."""
        parser.add_argument("kind", nargs="?", help="name of the kind, in capitals; without it, list the paused kinds")

    def handle(self, *, kind: str | None, **_: Any) -> None:
        """Resume or list."""
        paused = list(Pause.objects.order_by("kind").values_list("kind", flat=True))
        if kind is None:
            self.stdout.write("\n".join(pauses.in_force()) or "No kind is paused.")
            return
        if kind not in paused:
            raise CommandError(f"{kind} is not paused; these are: {', '.join(paused) or 'none'}")
        self.stdout.write(f"The kind {kind} is resumed; {pauses.resume(kind)} held events and batches are enqueued.")
