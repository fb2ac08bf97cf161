"""`manage.py dead_letters`: list, replay or discard dead letters."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...outbox import dead_letters
from ...outbox.models import Batch, Event


class Command(BaseCommand):
    """List parked events and batches, and act on them."""

    help = "List dead letters (without arguments), or replay or discard some of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the action and its objects."""
        parser.add_argument("action", nargs="?", choices=["list", "replay", "discard"], default="list")
        parser.add_argument("work", nargs="?", choices=sorted(dead_letters.KINDS), help="events or batches")
        parser.add_argument("ids", nargs="*", type=int, help="ids of the rows; `--all` for all of them")
        parser.add_argument("--all", action="store_true", help="all dead letters")

    def handle(self, *, action: str, work: str | None, ids: list[int], **options: Any) -> None:
        """List, replay or discard."""
        models: dict[str, type[Event] | type[Batch]] = {"event": Event, "batch": Batch}
        if action == "list":
            parked = [
                (name, row)
                for name, model in models.items()
                for row in model._default_manager.filter(state="failed").order_by("pk")
            ]
            for name, row in parked:
                last = row.error.strip().rsplit("\n", 1)[-1]
                self.stdout.write(f"{name} {row.pk}  {row.finished_at:%Y-%m-%d %H:%M:%S} UTC  {row}: {last}")
            if not parked:
                self.stdout.write("There are no dead letters.")
            return
        if work is None or bool(ids) == options["all"]:
            raise CommandError(
                f"name them: `dead_letters {action} event 17 18`, or `dead_letters {action} batch --all`"
            )
        if options["all"]:
            ids = list(models[work]._default_manager.filter(state="failed").values_list("pk", flat=True))
        act = dead_letters.replay if action == "replay" else dead_letters.discard
        self.stdout.write(f"{act(dead_letters.KINDS[work], ids)} {action}ed")
