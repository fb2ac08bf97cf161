"""Rows whose receivers record an event: the row and its event are committed together."""

from typing import Any

from django.db import models, transaction


class Recorded(models.Model):
    """Base of such rows."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, in one transaction with the events of the receivers."""
        with transaction.atomic(using=kwargs.get("using")):
            super().save(*args, **kwargs)
