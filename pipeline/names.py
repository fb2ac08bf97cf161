"""The name that a user is shown by: the column of the user model that CLARION_USERNAME_COLUMN names.

The edge reads the same column. It is not Django's USERNAME_FIELD, which is often an e-mail address that recipients
must not see. A user model without that column has no names: then clients are sent `null`.
"""

from functools import cache
from typing import Any

from django.db import connection

from ..shared.inbox.queries import NAME_MAX_LENGTH
from ..shared.inbox.user_queries import name_sql
from ..shared.user_model import name_field
from . import persons


@cache
def actor_sql() -> str:
    """Return SQL for the name of the actor, cut to the length of the column that it is stored in.

    Its parameter is `actor`, the number; or `actor_key`, if keys are not integers.
    """
    found = name_field()
    if found is None:
        return "SELECT NULL::text"
    model: Any = found.model  # with multi-table inheritance, the table of a parent
    table, pk = map(connection.ops.quote_name, (model._meta.db_table, model._meta.pk.column))
    name = f"nullif({name_sql(str(found.column))}, '')"
    actor = "%(actor)s" if persons.has_integer_keys() else f"%(actor_key)s::{persons.key_type().sql}"
    return f"SELECT {name} FROM {table} u WHERE u.{pk} = {actor}"  # noqa: S608 - names of the model, quoted


def shown(user: Any) -> str:
    """Return the name of a user as operators see it: never an e-mail address that the setting leaves out."""
    found = name_field()
    name = None if found is None else getattr(user, found.attname)
    return str(name or f"user {user.pk}")[:NAME_MAX_LENGTH]
