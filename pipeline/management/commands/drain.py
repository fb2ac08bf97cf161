"""`manage.py drain EDGE`: have an edge say goodbye to its sockets; without one, say which edges report."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from ....shared import edge_status
from ....shared.channel_layer import channel_layer
from ....shared.edge_status import DRAIN, TAKE, Report
from ...dashboard import actions


class Command(BaseCommand):
    """Drain an edge, have it take sockets again, or list the edges."""

    help = "Drain an edge: close its sockets gradually and accept no new ones. Without a name, list the edges."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which edge, and which way."""
        parser.add_argument("edge", nargs="?", help="name of the edge; without it, list the edges")
        parser.add_argument("--take", action="store_true", help="make a drained edge accept sockets again")

    def handle(self, *, edge: str | None, take: bool, **_: Any) -> None:
        """Drain, undo it, or list."""
        if edge is None and take:
            raise CommandError("name the edge: `drain EDGE --take`")
        try:
            if edge is not None and actions.send_command(edge, TAKE if take else DRAIN):
                self.stdout.write(f"The edge {edge} received the command.")
                return
            reports = edge_status.load(channel_layer())
        except (RedisError, OSError) as error:
            raise CommandError(f"the channel layer does not answer; no edge received the command: {error!r}") from error
        if edge is not None:
            known = ", ".join(report.name for report in reports)
            raise CommandError(f"no edge {edge} is subscribed; recent reports are from: {known or 'none'}")
        self.stdout.write("\n".join(map(_line, reports)) or "No edge has reported recently.")


def _line(report: Report) -> str:
    return f"{report.name}  {report.sockets} sockets" + (", drains" if report.draining else "")
