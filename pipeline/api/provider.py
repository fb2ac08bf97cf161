"""Tokens of the API: Clarion's own, or those of the identity provider that the edges are configured with.

The provider's keys are kept by an event loop in a thread of its own, which is started with the first of its tokens, so
that all requests of a process share them as all sockets of an edge do.
"""

import asyncio
import threading
from functools import cache

from django.contrib.auth import get_user_model

from ...shared.jwks import KeySet, is_of_a_provider
from ...shared.settings import Settings, get_settings
from ...shared.tokens import TOKEN_MAX_LENGTH, CannotCheck, Identity, verify
from ..persons import key_type

#: Longest wait for the keys (seconds): a fetch that is under way, and one more.
WAIT_SECONDS = 7.0


def verified(token: str) -> Identity:
    """Return the identity in a token; raises TokenRefused or CannotCheck."""
    settings = _settings()
    if settings.jwks_url is None or len(token) > TOKEN_MAX_LENGTH or not is_of_a_provider(token):
        return verify(token, settings)
    loop, keys = _keys()
    try:
        return asyncio.run_coroutine_threadsafe(keys.verify(token), loop).result(WAIT_SECONDS)
    except TimeoutError as error:
        raise CannotCheck("identity provider") from error


def subject_field() -> str:
    """Return the field of the user model that a claim is matched with; raises RuntimeError."""
    column = get_settings().subject_column
    for field in get_user_model()._meta.concrete_fields:
        if field.column == column:
            return field.attname
    raise RuntimeError(
        f"the user model has no column {column!r}: set CLARION_JWKS_USER_COLUMN or CLARION_JWT_USER_COLUMN"
    )


def _settings() -> Settings:
    """Return the settings with the type of key that the user model has; edges are given it."""
    settings = get_settings()
    return settings if settings.user_key is key_type() else settings.model_copy(update={"user_key": key_type()})


@cache
def _keys() -> tuple[asyncio.AbstractEventLoop, KeySet]:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="clarion-provider-keys", daemon=True).start()
    return loop, KeySet(_settings())
