"""`manage.py clarion doctor`: find out why notifications do not arrive."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from ...doctor import examine

HELP = "Examine settings, servers, workers, beat and edges, and print what to do about each problem."

PATIENCE_SECONDS = 10.0


def add_arguments(parser: ArgumentParser) -> None:
    """Add the patience."""
    parser.add_argument(
        "--wait", type=float, default=PATIENCE_SECONDS, help=f"seconds for a worker to answer ({PATIENCE_SECONDS:g})"
    )


def handle(command: BaseCommand, *, wait: float) -> None:
    """Print findings as they are found; the exit code is 1 if there is a problem."""
    problems = 0
    for finding in examine(wait):
        if finding.remedy:
            problems += 1
            command.stdout.write(f"{command.style.ERROR('problem')}  {finding.text}")
            command.stdout.write(f"         {finding.remedy}")
        else:
            command.stdout.write(f"{command.style.SUCCESS('good')}     {finding.text}")
    if problems:
        raise CommandError(f"{problems} problem{'s' if problems > 1 else ''}")
    command.stdout.write("No problem was found.")
