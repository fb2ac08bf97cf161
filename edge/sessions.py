"""The web app's session cookie, as a way to open a socket.

Enters: the cookie and the Origin of a handshake. Leaves: the identity of who is signed in, or None. A browser sends
cookies along from any page that opens a socket here, so the cookie counts only from an allowed Origin: the host that
was asked itself, or one that the settings name. Read as Django writes it: a signed row, bound to the user's password.
"""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from edge.repair import Reader
from shared.settings import Settings
from shared.tokens import Identity

#: As Django's session backends and user model salt them; they are part of its stored format.
_SESSION_SALT = "django.contrib.sessions.SessionStore"
_HASH_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


def cookie_of(scope: Mapping[str, Any], settings: Settings) -> str | None:
    """The session's key, if the handshake brings one from an allowed Origin."""
    headers = {name: value.decode("latin-1") for name, value in scope.get("headers", ())}
    if not _is_allowed(headers.get(b"origin"), headers.get(b"host"), settings):
        return None
    try:
        cookie = SimpleCookie(headers.get(b"cookie", "")).get(settings.session_cookie)
    except CookieError:
        return None
    return cookie.value if cookie is not None else None


async def identity_of(session_key: str, reader: Reader, settings: Settings, now: float) -> Identity | None:
    """Who is signed in with this session, until it ends; raises what the reader raises."""
    row = await reader.session(session_key)
    if row is None:
        return None
    data, expires_at = row
    try:
        session = signing.loads(data, salt=_SESSION_SALT, serializer=JSONSerializer)
        user_id, hashed = int(session["_auth_user_id"]), str(session["_auth_user_hash"])
    except (signing.BadSignature, KeyError, ValueError):
        return None
    password = await reader.password(user_id)
    if password is None:
        return None
    expected = salted_hmac(_HASH_SALT, password, algorithm="sha256").hexdigest()
    if not constant_time_compare(hashed, expected):
        return None
    return Identity(user_id, expires_at=expires_at.timestamp(), issued_at=now)


def _is_allowed(origin: str | None, host: str | None, settings: Settings) -> bool:
    if not origin:
        return False
    return origin in settings.allowed_origins or (host is not None and urlsplit(origin).netloc == host)
