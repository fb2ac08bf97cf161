"""`manage.py personal_data`: export or erase the data of a user."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ...inbox import personal


class Command(BaseCommand):
    """Export a user's inbox as JSON lines, or erase it and their name as an actor."""

    help = "Export a user's inbox as JSON lines, or erase it and their name as an actor."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, with whom."""
        parser.add_argument("action", choices=["export", "erase"])
        parser.add_argument("user_id", type=int)

    def handle(self, *, action: str, user_id: int, **_: Any) -> None:
        """Export or erase."""
        if action == "erase":
            self.stdout.write(f"{personal.erase(user_id)} notifications erased")
            return
        for line in personal.exported(user_id):
            self.stdout.write(json.dumps(line, ensure_ascii=False))
