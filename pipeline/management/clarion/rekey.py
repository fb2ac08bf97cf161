"""`manage.py clarion rekey <old> <new>`: give the inbox of a user to another key."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from ...inbox.rekey import CannotRekey, rekey

HELP = "Give the inbox of a user to another key, after the primary key of the user has changed."


def add_arguments(parser: ArgumentParser) -> None:
    """Add both keys."""
    parser.add_argument("old", help="former primary key of the user")
    parser.add_argument("new", help="present primary key of the user")


def handle(command: BaseCommand, *, old: str, new: str) -> None:
    """Change the key."""
    try:
        rekey(old, new)
    except (CannotRekey, ValueError) as error:
        raise CommandError(str(error)) from error
    command.stdout.write(f"the inbox of {old} belongs to {new}")
