"""A token opens a socket only if Clarion signed it, and it is complete and not expired."""

import json
import time
from typing import Any

import jwt
import jwt.algorithms
import jwt.utils
import pytest
from hypothesis import example, given, strategies
from pydantic import ValidationError

from clarion.shared.protocol import AuthFailure
from clarion.shared.settings import Settings
from clarion.shared.tokens import CLOCK_LEEWAY_SECONDS, TokenRefused, mint, verify

KEY = "k" * 64
OTHER_KEY = "o" * 64
SETTINGS = Settings(debug=True, jwt_keys=KEY)


def token(key: str = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"sub": "7", "exp": time.time() + 3600, "aud": "clarion"} | claims, key, algorithm=algorithm)


def refusal(text: str, settings: Settings = SETTINGS) -> AuthFailure:
    with pytest.raises(TokenRefused) as refused:
        verify(text, settings)
    return refused.value.reason


def test_minted_token() -> None:
    """A minted token is verified with its user and expiry."""
    text, expires_at = mint(7, SETTINGS)
    identity = verify(text, SETTINGS)
    assert identity.user_id == 7
    assert identity.expires_at == pytest.approx(expires_at, abs=1)


def test_user_claim() -> None:
    """Another claim may identify the user, by id or by a column."""
    by_id = Settings(debug=True, jwt_keys=KEY, jwt_user_claim="user_id")
    for value in (8, "8"):
        assert verify(token(user_id=value), by_id).user_id == 8
    assert verify(token(), by_id).user_id == 7  # `sub` counts without it
    by_name = Settings(debug=True, jwt_keys=KEY, jwt_user_claim="username", jwt_user_column="username")
    assert verify(token(username="ann"), by_name).subject == "ann"
    assert verify(mint(7, by_name)[0], by_name).user_id == 7
    for value in (7, "", "x" * 256, "nul\0", None, ["ann"]):
        assert refusal(token(username=value), by_name) is AuthFailure.INVALID
    with pytest.raises(ValidationError, match="CLARION_JWT_USER_CLAIM"):
        Settings(debug=True, jwt_user_column="username")
    provider = {"jwks_url": "https://login.example", "jwks_audience": "x", "jwks_user_column": "email"}
    with pytest.raises(ValidationError, match="same column"):
        Settings(debug=True, jwt_user_claim="username", jwt_user_column="username", **provider)


@pytest.mark.parametrize("sub", [7, "7"])
def test_user_id_types(sub: object) -> None:
    """The user id may be a number or a string of digits."""
    assert verify(token(sub=sub), SETTINGS).user_id == 7
    for bad in (-7, 2**63, 7.0, True, None):
        assert refusal(token(sub=bad)) is AuthFailure.INVALID


def test_expired_token() -> None:
    """An expired token is refused as EXPIRED."""
    assert refusal(token(exp=time.time() - CLOCK_LEEWAY_SECONDS - 1)) is AuthFailure.EXPIRED


def test_key_rotation() -> None:
    """After a rotation tokens signed by the old key are still accepted."""
    rotated = Settings(debug=True, jwt_keys=f"{OTHER_KEY},{KEY}")
    assert verify(token(KEY), rotated).user_id == 7
    assert verify(mint(8, rotated)[0], Settings(debug=True, jwt_keys=OTHER_KEY)).user_id == 8


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no token",
        "a.b.c",
        token(OTHER_KEY),
        token()[:-2] + "xx",
        token(algorithm="HS384"),
        jwt.encode({"sub": "7", "exp": time.time() + 3600}, None, algorithm="none"),
        jwt.encode({"sub": "7", "aud": "clarion"}, KEY, algorithm="HS256"),
        jwt.encode({"exp": time.time() + 3600, "aud": "clarion"}, KEY, algorithm="HS256"),
        token(sub="seven"),
        token(sub="-7"),
        token(sub="7 "),
        token(sub="١"),
        token(sub="9" * 30),
    ],
    ids=[
        "empty",
        "text",
        "three parts",
        "other key",
        "other signature",
        "other algorithm",
        "unsigned",
        "without expiry",
        "without subject",
        "word",
        "negative",
        "space",
        "foreign digit",
        "too large",
    ],
)
def test_invalid_token(text: str) -> None:
    """A malformed or foreign token is refused as INVALID."""
    assert refusal(text) is AuthFailure.INVALID


def test_audience_and_issuer() -> None:
    """The audience and issuer are checked if they are set."""
    strict = Settings(debug=True, jwt_keys=KEY, jwt_audience="sockets", jwt_issuer="forum")
    assert verify(token(aud="sockets", iss="forum"), strict).user_id == 7
    assert verify(mint(7, strict)[0], strict).user_id == 7
    assert refusal(token(aud="sockets"), strict) is AuthFailure.INVALID
    assert refusal(token(aud="other", iss="forum"), strict) is AuthFailure.INVALID
    assert refusal(token(), strict) is AuthFailure.INVALID


def test_token_for_another_purpose() -> None:
    """A token for another purpose is refused by default."""
    reset = {"sub": "7", "exp": time.time() + 3600, "iat": time.time(), "purpose": "reset-password"}
    secret = Settings(debug=True, secret_key=KEY)
    for claims in (reset, reset | {"aud": "mail"}, reset | {"aud": []}, reset | {"aud": None}):
        assert refusal(jwt.encode(claims, KEY, algorithm="HS256"), secret) is AuthFailure.INVALID
    assert verify(mint(7, secret)[0], secret).user_id == 7


def test_keys_without_audience() -> None:
    """Without an audience the settings require separate keys for tokens."""
    lenient = Settings(debug=True, jwt_keys=KEY, jwt_audience="")
    assert verify(jwt.encode({"sub": "7", "exp": time.time() + 60}, KEY, algorithm="HS256"), lenient).user_id == 7
    assert verify(mint(7, lenient)[0], lenient).user_id == 7
    with pytest.raises(ValidationError, match="CLARION_JWT_KEYS is not set"):
        Settings(debug=True, jwt_audience="")


def test_issued_in_future() -> None:
    """A token issued in the future is accepted, because the local clock may lag."""
    issued_at = time.time() + 300
    identity = verify(token(exp=issued_at + 600, iat=issued_at), SETTINGS)
    assert (identity.user_id, identity.issued_at) == (7, issued_at)


@pytest.mark.parametrize("iat", ["now", None, True, [], float("nan"), float("inf"), 10**400])
def test_malformed_iat(iat: Any) -> None:
    """An `iat` claim that is not a finite number is refused."""
    assert refusal(token(iat=iat)) is AuthFailure.INVALID


JUNK = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=5,
)
CLAIMS = strategies.dictionaries(strategies.sampled_from(["sub", "exp", "iat", "nbf", "aud", "iss", "jti", "x"]), JUNK)


@given(text=strategies.text(max_size=300) | strategies.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}"))
def test_any_token_text(text: str) -> None:
    """Arbitrary text is refused as INVALID without another error."""
    assert refusal(text) is AuthFailure.INVALID


@given(claims=CLAIMS)
@example(claims={"exp": float("inf")})
@example(claims={"exp": float("nan")})
@example(claims={"exp": 10**400})
@example(claims={"nbf": float("inf")})
@example(claims={"iat": 10**400})
def test_any_claims(claims: dict[str, Any]) -> None:
    """A signed token with arbitrary claims identifies its user or is refused."""
    text = jwt.encode({"sub": "7", "exp": time.time() + 60}, KEY, algorithm="HS256")
    head, _, _ = text.split(".")
    claims = {"sub": "7", "exp": time.time() + 60, "aud": "clarion"} | claims
    body = jwt.utils.base64url_encode(json.dumps(claims).encode()).decode()
    signed = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = jwt.utils.base64url_encode(signed.sign(f"{head}.{body}".encode(), KEY.encode())).decode()
    try:
        identity = verify(f"{head}.{body}.{signature}", SETTINGS)
    except TokenRefused:
        return
    assert str(identity.user_id) == str(int(claims["sub"]))
    assert identity.expires_at > time.time() - CLOCK_LEEWAY_SECONDS - 1


@given(at=strategies.integers(0, 10_000), bit=strategies.integers(0, 7))
def test_flipped_bit(at: int, bit: int) -> None:
    """A token with one flipped bit is refused."""
    good = token()
    head, body, signature = (jwt.utils.base64url_decode(part) for part in good.split("."))
    whole = bytearray(head + body + signature)
    whole[at % len(whole)] ^= 1 << bit
    parts = (whole[: len(head)], whole[len(head) : len(head) + len(body)], whole[len(head) + len(body) :])
    assert refusal(".".join(jwt.utils.base64url_encode(bytes(part)).decode() for part in parts)) is AuthFailure.INVALID
