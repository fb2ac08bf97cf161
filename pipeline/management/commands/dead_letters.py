"""`manage.py dead_letters`: list, replay or discard dead letters."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...outbox import dead_letters
from ...outbox.models import Batch, Event


class Command(BaseCommand):
    """List parked events and batches, and act on them."""

    help = "List parked events and batches (no arguments), or replay or discard some of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, with what."""
        parser.add_argument("action", nargs="?", choices=["list", "replay", "discard"], default="list")
        parser.add_argument("work", nargs="?", choices=sorted(dead_letters.KINDS), help="events or batches")
        parser.add_argument("ids", nargs="*", type=int, help="which; `--all` for all of them")
        parser.add_argument("--all", action="store_true", help="all that are parked")

    def handle(self, *, action: str, work: str | None, ids: list[int], **options: Any) -> None:
        """List, replay or discard."""
        models: dict[str, type[Event] | type[Batch]] = {"event": Event, "batch": Batch}
        if action == "list":
            for name, model in models.items():
                for row in model._default_manager.filter(state="failed").order_by("pk"):
                    last = row.error.strip().rsplit("\n", 1)[-1]
                    self.stdout.write(f"{name} {row.pk}  {row.finished_at:%Y-%m-%d %H:%M:%S}  {row}: {last}")
            return
        if work is None or bool(ids) == options["all"]:
            raise CommandError(
                f"say which: `dead_letters {action} event 17 18`, or `dead_letters {action} batch --all`"
            )
        if options["all"]:
            ids = list(models[work]._default_manager.filter(state="failed").values_list("pk", flat=True))
        act = dead_letters.replay if action == "replay" else dead_letters.discard
        self.stdout.write(f"{act(dead_letters.KINDS[work], ids)} {action}ed")
