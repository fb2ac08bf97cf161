"""Keeps Clarion's tables in the default database, regardless of Django's routers.

A router may send reads to a replica that lags behind: then a revoked token still opened the inbox, and a snapshot was
older than the frames after it.
"""

from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, models

M = TypeVar("M", bound=models.Model)


class PrimaryManager(models.Manager[M]):
    """A manager whose querysets use the default database."""

    def get_queryset(self) -> models.QuerySet[M]:
        """Return a queryset that no router is asked about."""
        return super().get_queryset().using(DEFAULT_DB_ALIAS)
