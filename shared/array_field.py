"""A column with an array, without `django.contrib.postgres` in INSTALLED_APPS.

Django 6.1 has a check that asks for that app wherever a model uses its fields, because some of them need its signal
handlers and templates. An array of a model that no form edits needs neither, and a library should add no app to a
project. Migrations name Django's own field.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField as DjangosArrayField
from django.core.checks import CheckMessage


class ArrayField(DjangosArrayField):  # type: ignore[type-arg]  # generic in its stubs only
    """Django's field, without the check for the app."""

    def check(self, **options: Any) -> list[CheckMessage]:
        """Check as Django does, but not for the app."""
        return [message for message in super().check(**options) if message.id != "postgres.E005"]

    def deconstruct(self) -> Any:
        """Return Django's own field for migrations."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.contrib.postgres.fields.ArrayField", args, kwargs
