"""What the user model of a Django project says of its table: the type of the key, and the column of names.

Input: `AUTH_USER_MODEL` and CLARION_USERNAME_COLUMN, in a process that has set up Django's apps.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection, models

from .settings import get_settings
from .user_keys import KeyType


def supported_type() -> KeyType | None:
    """Return the type of the primary key of the user model, None if it is of another type."""
    field: Any = get_user_model()._meta.pk
    while isinstance(field, models.ForeignKey):  # of a user model that extends another by a table of its own
        field = field.target_field
    if isinstance(field, models.IntegerField):
        return KeyType.INTEGER
    column = (field.db_type(connection) or "").split("(")[0]
    if column == "uuid":
        return KeyType.UUID
    return KeyType.TEXT if column in ("text", "varchar", "citext") else None


def name_field() -> "models.Field[Any, Any] | None":
    """Return the field of the user model that holds the name that others see, or None."""
    column = get_settings().username_column
    return next((one for one in get_user_model()._meta.concrete_fields if one.column == column), None)


def table() -> dict[str, Any]:
    """Return the settings of the table of users, by field.

    With multi-table inheritance it is the table of the first parent, which has them all.
    """
    model: Any = get_user_model()._meta.concrete_model
    while isinstance(model._meta.pk, models.OneToOneField) and model._meta.pk.remote_field.parent_link:
        model = model._meta.pk.remote_field.model
    columns = {field.column for field in model._meta.local_concrete_fields}
    name, key = name_field(), supported_type()
    return {
        "user_table": model._meta.db_table,
        "user_id_column": model._meta.pk.column,
        **({} if key is None else {"user_key": key}),  # else a system check says so
        "username_column": name.column if name is not None and name.column in columns else "",
        "user_active_column": "is_active" if "is_active" in columns else "",
    }
