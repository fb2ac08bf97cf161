"""A token of an identity provider is valid only if one of its keys signed it, for us, and in time."""

import asyncio
import time
from typing import Any

import jwt
import pytest
from pydantic import ValidationError

from clarion.shared import jwks
from clarion.shared.jwks import KeySet, is_of_a_provider
from clarion.shared.protocol import AuthFailure, Close
from clarion.shared.settings import Settings
from clarion.shared.tokens import CannotCheck, TokenRefused, verify
from tests.provider import AUDIENCE, ISSUER, LASTING_SECONDS, Provider, ec_key, jwk, public_pem, rsa_key

SECRET = "s" * 64
PROVIDER = Provider()
PROVIDER.keys["second"] = ec_key()

#: Tokens are made when the tests are collected, and used when their turn comes, which may be long after (seconds).


def settings(**more: Any) -> Settings:
    known = {"jwks_url": "https://login.example/jwks.json", "jwks_audience": AUDIENCE, "jwks_issuer": ISSUER}
    return Settings(**({"debug": True, "jwt_keys": SECRET} | known | more))


class Known(KeySet):
    """The keys of a document that is not fetched from anywhere."""

    def __init__(self, document: object, **more: Any) -> None:
        super().__init__(settings(**more))
        self.document = document
        self.fetches = 0

    async def _document(self) -> object:
        self.fetches += 1
        await asyncio.sleep(0)
        return self.document


async def refusal(token: str, document: object = None, **more: Any) -> AuthFailure:
    with pytest.raises(TokenRefused) as refused:
        await Known(PROVIDER.document if document is None else document, **more).verify(token)
    return refused.value.reason


@pytest.mark.parametrize("kid", ["first", "second"])
async def test_provider_token(kid: str) -> None:
    """A token signed by an RSA or EC key of the provider identifies the user by the configured claim."""
    identity = await Known(PROVIDER.document).verify(PROVIDER.token(kid, iat=1.0))
    assert (identity.subject, identity.user_id, identity.issued_at) == ("auth0|7", 0, 1.0)
    other = await Known(PROVIDER.document, jwks_user_claim="email").verify(PROVIDER.token(kid, email="a@b.example"))
    assert other.subject == "a@b.example"


@pytest.mark.parametrize("verified", [False, None, "true", 1, "false"])
async def test_unverified_email(verified: Any) -> None:
    """An unverified e-mail address identifies no user unless the settings trust it."""
    text = PROVIDER.token(email="ann@forum.example", email_verified=verified)
    for by_email in ({"jwks_user_claim": "email"}, {"jwks_user_claim": "email", "jwks_user_column": "login"}):
        assert await refusal(text, **by_email) is AuthFailure.INVALID
    trusting = Known(PROVIDER.document, jwks_user_claim="email", jwks_email_verified=False)
    assert (await trusting.verify(text)).subject == "ann@forum.example"
    assert (await Known(PROVIDER.document).verify(text)).subject == "auth0|7"  # named by `sub`


async def test_expired_provider_token() -> None:
    """An expired token is refused as EXPIRED, with a close code of its own."""
    assert await refusal(PROVIDER.token(exp=time.time() - 60)) is AuthFailure.EXPIRED
    assert AuthFailure.EXPIRED.close_code is Close.NO_TOKEN
    assert AuthFailure.INVALID.close_code is Close.BAD_TOKEN


def signed(key: Any, algorithm: str, headers: dict[str, Any] | None = None, **claims: Any) -> str:
    payload = {"sub": "auth0|7", "exp": time.time() + LASTING_SECONDS, "iss": ISSUER, "aud": AUDIENCE} | claims
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": "first"} if headers is None else headers)


def tampered(token: str) -> str:
    head, _, signature = token.split(".")
    other = PROVIDER.token(sub="somebody-else").split(".")[1]
    return f"{head}.{other}.{signature}"


FIRST = PROVIDER.keys["first"]


@pytest.mark.parametrize(
    "token",
    [
        signed(rsa_key(), "RS256"),  # a foreign key under a known id
        signed(ec_key(), "ES256"),  # and of another type
        signed(FIRST, "RS512"),
        signed(FIRST, "PS256"),
        signed(FIRST, "RS256", iss="https://other.example/"),
        signed(FIRST, "RS256", aud="https://other.example"),
        signed(FIRST, "RS256", aud=[]),
        signed(FIRST, "RS256", headers={}),  # two keys, and it does not say which
        signed(FIRST, "RS256", headers={"kid": "third"}),
        signed(FIRST, "RS256", headers={"kid": "second"}),
        signed(FIRST, "RS256", nbf=time.time() + LASTING_SECONDS),
        signed(FIRST, "RS256", sub=""),
        signed(FIRST, "RS256", sub="x" * 256),
        signed(FIRST, "RS256", sub="nul\0"),
        tampered(PROVIDER.token()),
        PROVIDER.token()[:-6] + "AAAAAA",
        jwt.encode({"sub": "7", "iss": ISSUER, "aud": AUDIENCE}, FIRST, algorithm="RS256", headers={"kid": "first"}),
        jwt.encode({"exp": time.time() + LASTING_SECONDS, "iss": ISSUER, "aud": AUDIENCE}, FIRST, algorithm="RS256",
                   headers={"kid": "first"}),
    ],
)  # fmt: skip
async def test_invalid_provider_token(token: str) -> None:
    """A forged, malformed or foreign token is refused as INVALID."""
    assert await refusal(token) is AuthFailure.INVALID


async def test_claim_of_wrong_type() -> None:
    """A claim that is not text identifies no user."""
    for claim in (7, ["auth0|7"], {"a": 1}, None, True):
        assert await refusal(PROVIDER.token(user=claim), jwks_user_claim="user") is AuthFailure.INVALID


async def test_algorithm_confusion() -> None:
    """Public keys do not verify HS256 tokens, and shared secrets do not verify the provider's tokens."""
    # The classic confusion: the public key, which all know, as the secret of an HS256 token.
    body = jwt.encode({"sub": "7", "exp": time.time() + LASTING_SECONDS}, "placeholder" * 5, algorithm="HS256").rsplit(
        ".", 1
    )[0]
    mac: Any = jwt.get_algorithm_by_name("HS256")
    forged = f"{body}.{jwt.utils.base64url_encode(mac.sign(body.encode(), public_pem(FIRST))).decode()}"
    assert not is_of_a_provider(forged)
    with pytest.raises(TokenRefused):
        verify(forged, settings())
    assert await refusal(forged) is AuthFailure.INVALID
    ours = signed(SECRET, "HS256")
    oct_key = {"kty": "oct", "k": jwt.utils.base64url_encode(SECRET.encode()).decode(), "kid": "first", "alg": "HS256"}
    assert await refusal(ours, {"keys": [oct_key]}) is AuthFailure.INVALID
    assert await refusal(ours) is AuthFailure.INVALID
    unsigned = jwt.encode({"sub": "7", "exp": time.time() + LASTING_SECONDS}, None, algorithm="none")
    assert not is_of_a_provider(unsigned)
    assert await refusal(unsigned) is AuthFailure.INVALID


async def test_single_unnamed_key() -> None:
    """With a single key in the key set a token needs no key id."""
    one = {"keys": [jwk(FIRST, None)]}
    assert (await Known(one).verify(signed(FIRST, "RS256", headers={}))).subject == "auth0|7"


async def test_keys_for_other_uses() -> None:
    """Keys for encryption or for another algorithm verify no token."""
    assert await refusal(PROVIDER.token(), {"keys": [jwk(FIRST, "first", use="enc")]}) is AuthFailure.INVALID
    assert await refusal(PROVIDER.token(), {"keys": [jwk(FIRST, "first", alg="RS512")]}) is AuthFailure.INVALID


@pytest.mark.parametrize("document", [[], {}, {"keys": []}, {"keys": "x"}, {"keys": [{"kty": "RSA"}]}, "text", 7])
async def test_malformed_key_set(document: object) -> None:
    """A malformed key set counts as an outage of the provider, and no token is refused for it."""
    known = Known(document)
    with pytest.raises(CannotCheck):
        await known.verify(PROVIDER.token())
    assert known.fetches == 1
    with pytest.raises(CannotCheck):  # not fetched again so soon
        await known.verify(PROVIDER.token())
    assert known.fetches == 1


async def test_provider_away_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that is unavailable at start is asked again after a short pause."""
    monkeypatch.setattr(jwks, "FETCH_RETRY_SECONDS", 0.0)
    known = Known("away")
    with pytest.raises(CannotCheck):
        await known.verify(PROVIDER.token())
    known.document = PROVIDER.document
    assert (await known.verify(PROVIDER.token())).subject == "auth0|7"


async def test_unknown_key_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token whose key is unknown after a new fetch is refused as invalid."""
    monkeypatch.setattr(jwks, "FETCH_EVERY_SECONDS", 0.0)
    known = Known(PROVIDER.document)
    await known.verify(PROVIDER.token())
    with pytest.raises(TokenRefused):
        await known.verify(signed(FIRST, "RS256", headers={"kid": "third"}))
    assert known.fetches == 2


async def test_replaced_unnamed_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a provider replaces its single unnamed key, tokens of the new key are accepted."""
    known = Known({"keys": [jwk(FIRST, None)]})
    await known.verify(signed(FIRST, "RS256", headers={}))
    new = rsa_key()
    known.document = {"keys": [jwk(new, None)]}
    with pytest.raises(CannotCheck):  # within the pause
        await known.verify(signed(new, "RS256", headers={}))
    known._fetch_at = 0.0
    monkeypatch.setattr(jwks, "FETCH_EVERY_SECONDS", 0.0)
    assert (await known.verify(signed(new, "RS256", headers={}))).subject == "auth0|7"
    with pytest.raises(TokenRefused):
        await known.verify(signed(rsa_key(), "RS256", headers={}))


async def test_key_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keys are cached, and concurrent tokens with an unknown key share one fetch."""
    rotating = Provider()
    known = Known(rotating.document)
    for _ in range(3):
        await known.verify(rotating.token())
    assert known.fetches == 1
    rotating.keys["next"] = rsa_key()
    known.document = rotating.document
    storm = [known.verify(rotating.token("next")) for _ in range(50)]
    assert {type(one) for one in await asyncio.gather(*storm, return_exceptions=True)} == {CannotCheck}
    assert known.fetches == 1  # not so soon again
    known._fetch_at = 0.0
    assert [one.subject for one in await asyncio.gather(*(known.verify(rotating.token("next")) for _ in range(50)))]
    assert known.fetches == 2


async def test_cached_keys_during_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cached keys verify tokens while the provider is unavailable."""
    monkeypatch.setattr(jwks, "FETCH_EVERY_SECONDS", 0.0)
    known = Known(PROVIDER.document)
    await known.verify(PROVIDER.token())
    known.document = "away"
    known._fetched_at -= 10_000
    for _ in range(3):
        assert (await known.verify(PROVIDER.token())).subject == "auth0|7"
        await asyncio.sleep(0)


def test_provider_settings() -> None:
    """A provider without an audience and issuer, or without HTTPS, is refused at start."""
    with pytest.raises(ValidationError, match="CLARION_JWKS_AUDIENCE nor CLARION_JWKS_ISSUER"):
        settings(jwks_audience=None, jwks_issuer=None)
    with pytest.raises(ValidationError, match="must begin with https"):
        settings(jwks_url="file:///etc/passwd")
