"""The name that a user is shown by: the column of the user model that CLARION_USERNAME_COLUMN names.

The edge reads the same column. It is not Django's USERNAME_FIELD, which is often an e-mail address that recipients
must not see. A user model without that column has no names: then clients are sent `null`.
"""

from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection, models

from ..shared.inbox.queries import NAME_MAX_LENGTH, name_sql
from ..shared.settings import get_settings


def field() -> "models.Field[Any, Any] | None":
    """Return the field of the user model that holds the name, or None."""
    column = get_settings().username_column
    return next((one for one in get_user_model()._meta.concrete_fields if one.column == column), None)


@cache
def actor_sql() -> str:
    """Return SQL for the name of the user `%(actor)s`, cut to the length of the column that it is stored in."""
    found = field()
    if found is None:
        return "SELECT NULL::text"
    model: Any = found.model  # with multi-table inheritance, the table of a parent
    table, pk = map(connection.ops.quote_name, (model._meta.db_table, model._meta.pk.column))
    name = f"nullif({name_sql(str(found.column))}, '')"
    return f"SELECT {name} FROM {table} u WHERE u.{pk} = %(actor)s"  # noqa: S608 - names of the model, quoted


def shown(user: Any) -> str:
    """Return the name of a user as operators see it: never an e-mail address that the setting leaves out."""
    found = field()
    name = None if found is None else getattr(user, found.attname)
    return str(name or f"user {user.pk}")[:NAME_MAX_LENGTH]
