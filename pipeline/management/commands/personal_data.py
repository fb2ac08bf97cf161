"""`manage.py personal_data`: export or erase the data of a user."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...inbox import personal
from ...persons import key_of


class Command(BaseCommand):
    """Export a user's inbox as JSON lines, or erase it and their name as an actor."""

    help = "Export a user's inbox as JSON lines, or erase it and their name as an actor."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the action and the user."""
        parser.add_argument("action", choices=["export", "erase"])
        parser.add_argument("user_id", help="primary key of the user")

    def handle(self, *, action: str, user_id: str, **_: Any) -> None:
        """Export or erase."""
        try:
            key = key_of(user_id)
        except ValueError as error:
            raise CommandError(f"{user_id!r}: {error}") from error
        if action == "erase":
            self.stdout.write(f"{personal.erase(key)} notifications erased")
            return
        for line in personal.exported(key):
            self.stdout.write(json.dumps(line, ensure_ascii=False))
