"""Authenticates a connection by the web app's session cookie.

Input: the cookie and the Origin of a handshake. Output: the identity of the user who is signed in, or None. A browser
sends the cookie from any page that opens a connection here, so it is valid only from an allowed Origin: the host of
the request itself, or one in the settings. The session is read as Django writes it: a signed row, bound to
the user's password.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.http.cookie import parse_cookie
from django.utils.crypto import constant_time_compare, salted_hmac

from ..shared.settings import Settings
from ..shared.tokens import Identity, session_digest
from .reader import InboxReader

#: As Django's session backends and user model salt them; they are part of its stored format.
_SESSION_SALT = "django.contrib.sessions.SessionStore"
_HASH_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


def cookie_of(scope: Mapping[str, Any], settings: Settings) -> str | None:
    """Return the session's key, if the handshake has one and its Origin is allowed."""
    headers = _headers(scope)
    if allowed_origin(scope, settings) is None and not _asks_its_own_host(headers):
        return None
    # Django's own parser: a cookie that is valid for the web app must be valid here, beside cookies of other scripts.
    return parse_cookie(headers.get(b"cookie", "")).get(settings.session_cookie) or None


async def identity_of(session_key: str, reader: InboxReader, settings: Settings, now: float) -> Identity | None:
    """Return the identity of this session, until it ends; raises the errors of the reader."""
    row = await reader.session(session_key)
    if row is None:
        return None
    data, expires_at = row
    try:
        keys: list[str | bytes] = [*settings.secret_keys]
        session = signing.loads(data, keys[0], _SESSION_SALT, JSONSerializer, fallback_keys=keys[1:])
        user_id, hashed = settings.user_key.parse(session["_auth_user_id"]), str(session["_auth_user_hash"])
    except (signing.BadSignature, KeyError, ValueError):
        return None
    password = await reader.password(user_id)
    if password is None:
        return None
    if not any(constant_time_compare(hashed, one) for one in _hashes(password, settings)):
        return None
    return Identity(user_id, expires_at.timestamp(), now, session=session_digest(session_key), session_key=session_key)


def _hashes(password: str, settings: Settings) -> Iterator[str]:
    """Yield what Django binds a session to a password by: with its secret key, then with each of its fallbacks."""
    for key in settings.secret_keys:
        yield salted_hmac(_HASH_SALT, password, secret=key, algorithm="sha256").hexdigest()


def allowed_origin(scope: Mapping[str, Any], settings: Settings) -> str | None:
    """Return the Origin of a handshake, if it may act for its user here."""
    headers = _headers(scope)
    origin, host = headers.get(b"origin"), headers.get(b"host")
    if origin and (origin in settings.allowed_origins or (host and _host_of(origin) == host)):
        return origin
    return None


def has_malformed_origin(scope: Mapping[str, Any]) -> bool:
    """Return whether the Origin is malformed; browsers never send one."""
    try:
        urlsplit(_headers(scope).get(b"origin", ""))
    except ValueError:
        return True
    return False


def _host_of(origin: str) -> str | None:
    """Return host and port of an origin, or None if it is malformed."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc if parts.scheme in ("http", "https") else None


def _asks_its_own_host(headers: Mapping[bytes, str]) -> bool:
    # A page that reads an event stream of its own host sends no Origin. Browsers send this header instead, which no
    # script can set, and other clients have only their own cookies.
    return b"origin" not in headers and headers.get(b"sec-fetch-site") == "same-origin"


def _headers(scope: Mapping[str, Any]) -> dict[bytes, str]:
    """Return the headers by name; a proxy that speaks HTTP/2 outside may pass one cookie on as several headers."""
    headers: dict[bytes, str] = {}
    for name, raw in scope.get("headers", ()):
        value = raw.decode("latin-1")
        headers[name] = f"{headers[name]}; {value}" if name == b"cookie" and name in headers else value
    return headers
