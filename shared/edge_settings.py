"""The settings of the edges of a Django project.

Input: Clarion's settings in this process and, in a process of the project, Django's DATABASES and the user model.
Output: the settings that an edge needs. An edge in the project's own ASGI application uses them as they are; one in a
process of its own has them from its environment, which `manage.py clarion env` prints.
"""

from typing import Any

from django.apps import apps
from django.db import connection
from pydantic import SecretStr

from . import database
from .settings import Settings, get_settings


def edge_settings() -> Settings:
    """Return the settings that edges need; raise ImproperlyConfigured if they cannot be given.

    In a process without the project, as the edge's own, they are those of the environment.
    """
    own = get_settings()
    if not (apps.ready and apps.is_installed("clarion.pipeline")):
        return own
    from . import user_model  # models can be imported now

    secret, *fallbacks = own.secret_keys
    derived: dict[str, Any] = {
        "database_url": database.to_url(connection.settings_dict),
        "secret_key": SecretStr(secret),
        "secret_key_fallbacks": tuple(map(SecretStr, fallbacks)),
    }
    users = {name: value for name, value in user_model.table().items() if name not in own.model_fields_set}
    return own.model_copy(update=derived | users)
