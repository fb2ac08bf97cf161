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
from ..revocation import is_active
from . import provider


class BearerToken(HttpBearer):
    """A JWT of an active user. The primary is asked, since a replica may not know of a revocation yet."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """The user, who is set on the request too; None refuses."""
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
        # An ambiguous subject names no user.
        user = named[0] if len(named := list(found[:2])) == 1 else None
        if user is None or not is_active(user):
            return None
        if Inbox.objects.filter(user_id=user.pk, not_before__gt=_instant(identity.issued_at)).exists():
            return None
        request.user = user
        return user


def _instant(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


session = SessionAuth()
bearer = BearerToken()


def user_id(request: HttpRequest) -> int:
    """The id of the user who calls; every endpoint acts on that user's inbox and no other."""
    pk = request.user.pk
    assert isinstance(pk, int)  # noqa: S101 - authenticated, or the endpoint would not have been reached
    return pk
