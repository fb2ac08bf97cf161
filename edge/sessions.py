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
    headers = _headers(scope)
    if allowed_origin(scope, settings) is None and not _asks_its_own_host(headers):
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


def allowed_origin(scope: Mapping[str, Any], settings: Settings) -> str | None:
    """The Origin of a handshake, if it is one that may act for its user here."""
    headers = _headers(scope)
    origin, host = headers.get(b"origin"), headers.get(b"host")
    if origin and (origin in settings.allowed_origins or (host and urlsplit(origin).netloc == host)):
        return origin
    return None


def _asks_its_own_host(headers: Mapping[bytes, str]) -> bool:
    # A page that reads an event stream of its own host sends no Origin. Browsers say so in this header, no script can
    # set it, and whoever is no browser has no cookie that is not its own.
    return b"origin" not in headers and headers.get(b"sec-fetch-site") == "same-origin"


def _headers(scope: Mapping[str, Any]) -> dict[bytes, str]:
    return {name: value.decode("latin-1") for name, value in scope.get("headers", ())}
