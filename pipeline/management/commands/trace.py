"""`manage.py trace <event>`: the timeline of an event."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...outbox.timeline import NoSuchEvent, find, lines_of


class Command(BaseCommand):
    """Print the timeline of an event."""

    help = "Show the timeline of an event, by its id or its key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the event."""
        parser.add_argument("event", help="id or idempotency key of the event")

    def handle(self, *, event: str, **_: Any) -> None:
        """Print the timeline."""
        try:
            found = find(event)
        except NoSuchEvent as error:
            raise CommandError(str(error)) from error
        if found.traceparent:
            self.stdout.write(f"traceparent {found.traceparent}")
        for at, what in lines_of(found):
            since = (at - found.recorded_at).total_seconds() * 1000
            self.stdout.write(f"{at:%H:%M:%S.%f}  {since:>+12,.1f} ms  {what}")
