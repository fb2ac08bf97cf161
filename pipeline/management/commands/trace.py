"""`manage.py trace <event>`: one event's story, with times."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...outbox.timeline import NoSuchEvent, find, story


class Command(BaseCommand):
    """Print the timeline of an event."""

    help = "Tell what happened to an event, named by its id or its key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The event."""
        parser.add_argument("event", help="its id, or its idempotency key")

    def handle(self, *, event: str, **_: Any) -> None:
        """Print the story."""
        try:
            found = find(event)
        except NoSuchEvent as error:
            raise CommandError(str(error)) from error
        if found.traceparent:
            self.stdout.write(f"traceparent {found.traceparent}")
        for at, what in story(found):
            since = (at - found.recorded_at).total_seconds() * 1000
            self.stdout.write(f"{at:%H:%M:%S.%f}  {since:>+12,.1f} ms  {what}")
