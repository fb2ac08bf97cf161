"""Settings that a Django project already has: its `CLARION` dict and Django's own.

Input: Django's settings, in a process of the project. Output: values for `Settings`, below those of the environment.
An edge has no project, and its values come from the environment alone, for example from `manage.py clarion env`.
"""

import difflib
import os
import sys
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pydantic import AliasChoices

from .variables import Variables

PREFIX: Final = "CLARION_"


def name_of(field: str) -> str:
    """Return the variable of the environment that holds this field."""
    alias = Variables.model_fields[field].validation_alias
    first = alias.choices[0] if isinstance(alias, AliasChoices) else alias
    return str(first) if first else f"{PREFIX}{field}".upper()


#: The field of each key of the `CLARION` dict: the variable's name without its prefix.
KEYS: Final = {name_of(field).removeprefix(PREFIX): field for field in Variables.model_fields}


def are_loading() -> bool:
    """Return whether the settings module of this process is being imported, so that it asks for its own content."""
    module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
    return not settings.configured and bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def exist() -> bool:
    """Return whether this process has Django's settings, and they can be read now."""
    return settings.configured or (bool(os.environ.get("DJANGO_SETTINGS_MODULE")) and not are_loading())


def of_django() -> dict[str, Any]:
    """Return the values of Django's own settings, by field."""
    if not exist():
        return {}
    return {
        "debug": settings.DEBUG,
        "session_cookie": settings.SESSION_COOKIE_NAME,
        # The edge compares origins as a whole.
        "allowed_origins": tuple(one for one in settings.CSRF_TRUSTED_ORIGINS if "*" not in one),
    }


def secret_keys() -> tuple[str, ...]:
    """Return Django's SECRET_KEY and its fallbacks; nothing without Django's settings."""
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS) if exist() else ()


def of_clarion() -> dict[str, Any]:
    """Return the values of the `CLARION` dict, by field; raise ImproperlyConfigured for an unknown key."""
    given = getattr(settings, "CLARION", {}) if exist() else {}
    if not isinstance(given, dict):
        raise ImproperlyConfigured('CLARION must be a dict such as {"BROKER_URL": "redis://127.0.0.1:6379/0"}')
    for key in given:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key).upper().removeprefix(PREFIX), KEYS, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else "docs/settings.md has all names"
            raise ImproperlyConfigured(f"CLARION has no setting {key!r}: {remedy}")
    return {KEYS[key]: value for key, value in given.items()}
