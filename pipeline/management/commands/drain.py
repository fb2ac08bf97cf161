"""`manage.py drain EDGE`: have an edge say goodbye to its sockets; without one, say which edges report."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from ....shared.edge_status import DRAIN, TAKE, Report
from ...dashboard import actions
from ...publish import channel_layer


class Command(BaseCommand):
    """Drain an edge, have it take sockets again, or list the edges."""

    help = "Have an edge say goodbye to its sockets and take no new ones; or list the edges that report."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which edge, and which way."""
        parser.add_argument("edge", nargs="?", help="its name, as it reports it; without one, list the edges")
        parser.add_argument("--take", action="store_true", help="have a drained edge take sockets again")

    def handle(self, *, edge: str | None, take: bool, **_: Any) -> None:
        """Drain, undo it, or list."""
        if edge is None and take:
            raise CommandError("say which: `drain EDGE --take`")
        try:
            if edge is not None and actions.tell(edge, TAKE if take else DRAIN):
                self.stdout.write(f"The edge {edge} was told.")
                return
            reports = channel_layer().reports()
        except (RedisError, OSError) as error:
            raise CommandError(f"the channel layer does not answer; no edge was asked: {error!r}") from error
        if edge is not None:
            known = ", ".join(report.name for report in reports)
            raise CommandError(f"no edge {edge} listens; these have reported of late: {known or 'none'}")
        self.stdout.write("\n".join(map(_line, reports)) or "No edge has reported of late.")


def _line(report: Report) -> str:
    return f"{report.name}  {report.sockets} sockets" + (", drains" if report.draining else "")
