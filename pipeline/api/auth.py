"""Authentication of the API: the app's session (changes need the CSRF token), or a Bearer token that opens a socket."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBearer, SessionAuth

from ...shared.inbox.models import Inbox
from ...shared.tokens import CannotCheck, TokenRefused
from ...shared.user_keys import Key
from ..persons import key_of, number_of
from ..revocation import is_active
from . import provider


class BearerToken(HttpBearer):
    """A JWT of an active user. It is checked on the primary, because a replica may lag behind a revocation."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """Return the user and set it on the request; None rejects the request."""
        try:
            identity = provider.verified(token)
        except TokenRefused:
            return None
        except CannotCheck as away:
            raise HttpError(503, f"The token cannot be checked: {away}. Try again in some seconds.") from away
        users = get_user_model()._default_manager.using(DEFAULT_DB_ALIAS)
        if identity.subject is None:
            found = users.filter(pk=identity.user_id)
        else:
            found = users.filter(**{provider.subject_field(): identity.subject})
        # An ambiguous subject is rejected.
        user = named[0] if len(named := list(found[:2])) == 1 else None
        if user is None or not is_active(user):
            return None
        number = number_of(user.pk)
        revoked = Inbox.objects.filter(not_before__gt=_instant(identity.issued_at))
        if number is not None and revoked.filter(user_id=number).exists():
            return None
        request.user = user
        return user


def _instant(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


session = SessionAuth()
bearer = BearerToken()


def user_id(request: HttpRequest) -> Key:
    """Return the key of the calling user; every endpoint acts on that user's inbox and no other."""
    return key_of(request.user.pk)  # authenticated, or the endpoint would not have been reached
