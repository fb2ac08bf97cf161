"""Django's engine for Postgres, with something of the project's own."""

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Named `mysite.postgres` in the settings."""
