"""The public keys of an identity provider, and the users that its tokens name.

Input: the address of a JWKS document, tokens signed with its keys (RS256, ES256). Output: the identity in a verified
token, TokenRefused, or CannotCheck. Keys are kept. For an unknown key id the document is fetched again: all who wait
share one fetch, and between two fetches lies a pause, so invented ids cost the provider nothing. A key id counts as
unknown only once a fetch has ended after the token came; without one (the provider is away, or the pause is not over)
the token cannot be checked. A provider that is away delays no client that has a known key.
"""

import asyncio
import json
import logging
import time
from typing import Any

import httpx
import jwt
from jwt import PyJWK, PyJWKSet

from . import metrics
from .protocol import AuthFailure
from .settings import Settings
from .tokens import CLOCK_LEEWAY_SECONDS, OPTIONS, CannotCheck, Identity, TokenRefused, instant, subject_of

logger = logging.getLogger(__name__)

#: Signed with a private key that only the provider has. A secret of ours never verifies these, nor these keys ours.
ALGORITHMS = frozenset({"RS256", "ES256"})

#: Longest wait for the document, the shortest time between two fetches, and its largest size (seconds, bytes).
FETCH_TIMEOUT_SECONDS = 3.0
FETCH_EVERY_SECONDS = 10.0
#: The shortest time between a fetch that failed and the next (seconds).
FETCH_RETRY_SECONDS = 2.0
DOCUMENT_MAX_BYTES = 512 * 1024


class KeySet:
    """The keys of one provider, for one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Anyone can register an address of another person at many providers; only the verified ones name a user.
        by_email = "email" in settings.jwks_user_claim.lower() or "email" in settings.jwks_user_column.lower()
        self._needs_verified_email = by_email and settings.jwks_email_verified
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = self._fetch_at = float("-inf")  # of the last one that succeeded; of the next one, earliest
        self._fetching: asyncio.Task[bool] | None = None

    async def verify(self, token: str) -> Identity:
        """Verify a token, and identify its user by the user claim; raises TokenRefused or CannotCheck."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = await self._key(kid)
            try:
                claims = self._claims(token, key)
            except jwt.InvalidSignatureError:
                if kid is not None:
                    raise
                # A provider with one unnamed key may have replaced it.
                claims = self._claims(token, await self._key(kid, instead_of=key))
        except jwt.ExpiredSignatureError as error:
            raise TokenRefused(AuthFailure.EXPIRED) from error
        except (jwt.PyJWTError, TypeError, OverflowError) as error:  # the last two in older PyJWT
            raise TokenRefused(AuthFailure.INVALID) from error
        subject = subject_of(claims.get(self._settings.jwks_user_claim))
        if self._needs_verified_email and claims.get("email_verified") is not True:
            logger.warning("Rejected a token: its user claim is an e-mail address that the provider has not verified")
            raise TokenRefused(AuthFailure.INVALID)
        return Identity(0, instant(claims, "exp"), instant(claims, "iat"), subject)

    def _claims(self, token: str, key: PyJWK) -> dict[str, Any]:
        """Return the claims of a token that `key` signed; raises PyJWTError."""
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._settings.jwks_audience,
            issuer=self._settings.jwks_issuer,
            leeway=CLOCK_LEEWAY_SECONDS,
            options=OPTIONS | {"require": ["exp"], "verify_aud": self._settings.jwks_audience is not None},
        )

    async def _key(self, kid: object, instead_of: PyJWK | None = None) -> PyJWK:
        """Return the key of this id, fetched again if the known one is missing or is `instead_of`."""
        now = time.monotonic()
        if self._keys and now - self._fetched_at > self._settings.jwks_cache_seconds:
            self._fetch(now)  # in the background: the known keys stay in use
        found = self._find(kid)
        if kid is None and len(self._keys) > 1:
            raise TokenRefused(AuthFailure.INVALID)
        if found is None or found is instead_of:
            fetching = self._fetch(now)
            if fetching is None or not await asyncio.shield(fetching):
                raise CannotCheck("identity provider")
            found = self._find(kid)
        if found is None:
            raise TokenRefused(AuthFailure.INVALID)
        return found

    def _find(self, kid: object) -> PyJWK | None:
        if kid is None:  # a provider with one key need not name it
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _fetch(self, now: float) -> "asyncio.Task[bool] | None":
        """Return the fetch that is under way, or a new one; None: the pause after the last one is not over."""
        if self._fetching is None and now >= self._fetch_at:
            self._fetch_at = now + FETCH_EVERY_SECONDS
            self._fetching = asyncio.get_running_loop().create_task(self._fetched())
        return self._fetching

    async def _fetched(self) -> bool:
        """Fetch the keys; whether that succeeded."""
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                keys = _usable(await self._document())
        except Exception as error:  # noqa: BLE001 - after any error the known keys stay in use
            self._fetch_at = time.monotonic() + FETCH_RETRY_SECONDS
            metrics.JWKS_FETCHES.labels("failed").inc()
            logger.warning("Could not fetch the keys of the identity provider", extra={"error": repr(error)})
            return False
        else:
            self._keys, self._fetched_at = keys, time.monotonic()
            metrics.JWKS_FETCHES.labels("ok").inc()
            return True
        finally:
            self._fetching = None

    async def _document(self) -> object:
        async with (
            httpx.AsyncClient(timeout=FETCH_TIMEOUT_SECONDS, follow_redirects=False) as client,
            client.stream("GET", str(self._settings.jwks_url)) as answer,
        ):
            answer.raise_for_status()
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > DOCUMENT_MAX_BYTES:
                    raise ValueError(f"the document is larger than {DOCUMENT_MAX_BYTES} bytes")
        return json.loads(body)


def is_of_a_provider(token: str) -> bool:
    """Whether a token says that it is signed with a provider's key. It is believed only in who has to verify it."""
    try:
        return jwt.get_unverified_header(token).get("alg") in ALGORITHMS
    except jwt.PyJWTError:
        return False


def _usable(document: object) -> dict[str | None, PyJWK]:
    """Return the keys of a JWKS document that verify signatures, by their ids; a malformed document raises."""
    if not isinstance(document, dict):
        raise TypeError("the document is no JSON object")
    keys = PyJWKSet.from_dict(document).keys
    return {key.key_id: key for key in keys if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")}
