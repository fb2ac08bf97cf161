"""An app whose label is `inbox`."""

from django.db import models


class Inbox(models.Model):
    """Something of the project."""
