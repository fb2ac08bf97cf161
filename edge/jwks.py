"""The public keys of an identity provider, and whom its tokens name.

Enters: the address of a JWKS document, tokens signed with its keys (RS256, ES256). Leaves: the identity in a verified
token, or TokenRefused. Keys are kept; an unknown key id has the document fetched again, which all who wait share and
which happens now and then at most, so that invented ids cost the provider nothing. A provider that is away delays
nobody who has a known key: old keys go on until new ones are there.
"""

import asyncio
import json
import logging
import time

import httpx
import jwt
from jwt import PyJWK, PyJWKSet

from shared import metrics
from shared.protocol import AuthFailure
from shared.settings import Settings
from shared.tokens import CLOCK_LEEWAY_SECONDS, OPTIONS, Identity, TokenRefused, instant

logger = logging.getLogger(__name__)

#: Signed with a private key that only the provider has. A secret of ours never verifies these, nor these keys ours.
ALGORITHMS = frozenset({"RS256", "ES256"})

#: Longest wait for the document, the shortest time between two fetches, and its largest size (seconds, bytes).
FETCH_TIMEOUT_SECONDS = 3.0
FETCH_EVERY_SECONDS = 10.0
DOCUMENT_MAX_BYTES = 512 * 1024

#: Of a claim that names a user; longer ones name nobody.
SUBJECT_MAX_LENGTH = 255


class KeySet:
    """The keys of one provider; one a process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def verify(self, token: str) -> Identity:
        """The identity in `token`, by whatever names the user there; raises TokenRefused."""
        try:
            key = await self._key(jwt.get_unverified_header(token).get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._settings.jwks_audience,
                issuer=self._settings.jwks_issuer,
                leeway=CLOCK_LEEWAY_SECONDS,
                options=OPTIONS | {"require": ["exp"], "verify_aud": self._settings.jwks_audience is not None},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenRefused(AuthFailure.EXPIRED) from error
        except jwt.PyJWTError as error:
            raise TokenRefused(AuthFailure.INVALID) from error
        subject = claims.get(self._settings.jwks_user_claim)
        if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX_LENGTH or "\0" in subject:
            raise TokenRefused(AuthFailure.INVALID)
        return Identity(0, instant(claims, "exp"), instant(claims, "iat"), subject)

    async def _key(self, kid: object) -> PyJWK:
        now = time.monotonic()
        if self._keys and now - self._fetched_at > self._settings.jwks_cache_seconds:
            self._fetch(now)  # in the background: what is known goes on
        found = self._find(kid)
        if found is None:
            fetching = self._fetch(now)
            if fetching is not None:
                await asyncio.shield(fetching)
            found = self._find(kid)
        if found is None:
            raise TokenRefused(AuthFailure.INVALID)
        return found

    def _find(self, kid: object) -> PyJWK | None:
        if kid is None:  # a provider with one key need not name it
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _fetch(self, now: float) -> "asyncio.Task[None] | None":
        """The fetch that is under way, or a new one; None: there was one just now."""
        if self._fetching is None and now - self._tried_at >= FETCH_EVERY_SECONDS:
            self._tried_at = now
            self._fetching = asyncio.get_running_loop().create_task(self._fetched())
        return self._fetching

    async def _fetched(self) -> None:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                keys = _usable(await self._document())
            self._keys, self._fetched_at = keys, time.monotonic()
            metrics.JWKS_FETCHES.labels("ok").inc()
        except Exception as error:  # noqa: BLE001 - whatever it was, the keys that are known go on
            metrics.JWKS_FETCHES.labels("failed").inc()
            logger.warning("The keys of the identity provider could not be fetched", extra={"error": repr(error)})
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
    """The keys of a JWKS document that verify signatures, by their ids; raises what a bad document raises."""
    if not isinstance(document, dict):
        raise TypeError("the document is no JSON object")
    keys = PyJWKSet.from_dict(document).keys
    return {key.key_id: key for key in keys if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")}
