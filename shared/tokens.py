"""The JWT that opens a socket: mint and verify.

Input: a user id, or a token as a client sent it. Output: a token, or the identity in it. HS256 only, the algorithm
pinned, `exp` and `aud` required, `iss` checked where the settings name it. The audience distinguishes these tokens
from others that the web app signs with the same key. Of several keys the first signs and all verify, so that keys can
be rotated. A refusal gives its reason in one word of the wire protocol, never more.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt

from .protocol import AuthFailure
from .settings import Settings

if TYPE_CHECKING:
    from jwt.types import Options  # new in PyJWT 2.11
from .user_keys import Key

ALGORITHM = "HS256"

#: Clocks of different machines differ by about this much (seconds).
CLOCK_LEEWAY_SECONDS = 5
#: A token from the future is accepted, because the clock of its issuer may be ahead of ours. Rejecting it would lock
#: all users out when the clock of one machine lags.
OPTIONS: "Options" = {"verify_iat": False}

#: Later than any instant that makes sense; not a number and infinity are not below it (Unix seconds).
INSTANT_MAX = 2**40

#: Characters of the digest of a session: 64 bits, compared among the sockets of one user only.
SESSION_DIGEST_LENGTH = 16

#: Maximum length of a claim that names a user; longer values are rejected (characters).
SUBJECT_MAX_LENGTH = 255

#: Longer ones are not looked at (characters).
TOKEN_MAX_LENGTH = 8192


class TokenRefused(Exception):
    """The token does not open a socket."""

    def __init__(self, reason: AuthFailure) -> None:
        super().__init__(reason.value)
        self.reason = reason


class CannotCheck(Exception):
    """A dependency is away, so a token, ticket or session can be neither accepted nor refused at this moment."""

    def __init__(self, dependency: str) -> None:
        super().__init__(f"{dependency} does not answer")
        self.dependency = dependency


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that a verified credential names, when it was issued and when it expires (Unix seconds; 0: unknown).

    `subject` is the name that another issuer has for the user, whose key is 0 until Postgres has been asked. `session`
    is the digest of the web app's session that the credential came from, `session_key` that session itself where the
    credential was its cookie.
    """

    user_id: Key
    expires_at: float
    issued_at: float = 0
    subject: str | None = None
    session: str | None = None
    session_key: str | None = None


def session_digest(session_key: str) -> str:
    """Return a name for a session of the web app, from which its key cannot be derived."""
    return hashlib.sha256(f"clarion.session:{session_key}".encode()).hexdigest()[:SESSION_DIGEST_LENGTH]


def mint(user_id: Key | UUID, settings: Settings, *, session_key: str | None = None) -> tuple[str, float]:
    """Return a token for `user_id` and the Unix time at which it expires.

    With `session_key`, sockets that the token opens end when that session is signed out.
    """
    now = time.time()
    expires_at = now + settings.jwt_lifetime_seconds
    claims: dict[str, object] = {"sub": str(user_id), "iat": now, "exp": int(expires_at)}
    if session_key:
        claims["sid"] = session_digest(session_key)
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    return jwt.encode(claims, settings.signing_keys[0], algorithm=ALGORITHM), expires_at


def verify(token: str, settings: Settings) -> Identity:
    """Verify a token of ours; raises TokenRefused with EXPIRED or INVALID."""
    if len(token) > TOKEN_MAX_LENGTH:
        raise TokenRefused(AuthFailure.INVALID)
    for key in settings.signing_keys:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=settings.jwt_audience or None,
                issuer=settings.jwt_issuer,
                leeway=CLOCK_LEEWAY_SECONDS,
                options=OPTIONS | {"require": ["exp"], "verify_sub": False, "verify_aud": bool(settings.jwt_audience)},
            )
            session = claims.get("sid")
            session = session if isinstance(session, str) and len(session) == SESSION_DIGEST_LENGTH else None
            user_id, subject = _named(claims, settings)
            return Identity(user_id, instant(claims, "exp"), instant(claims, "iat"), subject, session)
        except jwt.InvalidSignatureError:
            continue
        except jwt.ExpiredSignatureError as error:
            raise TokenRefused(AuthFailure.EXPIRED) from error
        except (jwt.InvalidTokenError, TypeError, OverflowError) as error:  # the last two in older PyJWT
            raise TokenRefused(AuthFailure.INVALID) from error
    raise TokenRefused(AuthFailure.INVALID)


def instant(claims: Mapping[str, Any], name: str) -> float:
    """Return a numeric date claim (Unix time), 0 if it is missing; raise TokenRefused if it is malformed."""
    value = claims.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < INSTANT_MAX:
        raise TokenRefused(AuthFailure.INVALID)
    return float(value)


def subject_of(value: object) -> str:
    """Return the text by which another issuer names a user; raises TokenRefused."""
    if not isinstance(value, str) or not 0 < len(value) <= SUBJECT_MAX_LENGTH or "\0" in value:
        raise TokenRefused(AuthFailure.INVALID)
    return value


def _named(claims: Mapping[str, Any], settings: Settings) -> tuple[Key, str | None]:
    """Return the user's key, or 0 and the text that is matched with a column; raises TokenRefused."""
    claim = settings.jwt_user_claim if settings.jwt_user_claim in claims else "sub"
    if claim != "sub" and settings.jwt_user_column:
        return 0, subject_of(claims[claim])
    try:
        return settings.user_key.parse(claims.get(claim)), None
    except ValueError as error:
        raise TokenRefused(AuthFailure.INVALID) from error
