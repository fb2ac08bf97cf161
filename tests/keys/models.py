"""The user model."""

import secrets
import uuid
from typing import Any

from django.contrib.auth import models as auth
from django.db import models

from tests import environment


def text_key() -> str:
    """A key with characters that have a meaning elsewhere: in tickets, groups, URLs and SQL."""
    return f"Zoë:{secrets.token_hex(4)}/%s'\"{{x}} é"


def key_field() -> "models.Field[Any, Any]":
    if environment.KEY == "uuid":
        return models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    return models.CharField(primary_key=True, max_length=64, default=text_key)


class User(auth.AbstractUser):
    """A user as Django's own, but for the key."""

    id = key_field()

    class Meta:
        db_table = "auth_user"  # which the demo's search index names


auth.User = User
