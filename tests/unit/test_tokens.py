"""A token opens a socket only if it is ours, whole and in time."""

import time
from typing import Any

import jwt
import pytest

from shared.protocol import AuthFailure
from shared.settings import Settings
from shared.tokens import CLOCK_LEEWAY_SECONDS, TokenRefused, mint, verify

KEY = "k" * 64
OTHER_KEY = "o" * 64
SETTINGS = Settings(debug=True, jwt_keys=KEY)


def token(key: str = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"sub": "7", "exp": time.time() + 3600} | claims, key, algorithm=algorithm)


def refusal(text: str, settings: Settings = SETTINGS) -> AuthFailure:
    with pytest.raises(TokenRefused) as refused:
        verify(text, settings)
    return refused.value.reason


def test_what_is_minted_is_verified() -> None:
    text, expires_at = mint(7, SETTINGS)
    identity = verify(text, SETTINGS)
    assert identity.user_id == 7
    assert identity.expires_at == pytest.approx(expires_at, abs=1)


def test_an_expired_token_is_told_apart() -> None:
    assert refusal(token(exp=time.time() - CLOCK_LEEWAY_SECONDS - 1)) is AuthFailure.EXPIRED


def test_keys_are_rotated_without_refusing_what_the_old_one_signed() -> None:
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
        jwt.encode({"sub": "7"}, KEY, algorithm="HS256"),
        jwt.encode({"exp": time.time() + 3600}, KEY, algorithm="HS256"),
        token(sub="seven"),
        token(sub="-7"),
        token(sub="7 "),
        token(sub="١"),
        token(sub="9" * 30),
    ],
)
def test_whatever_else_is_invalid(text: str) -> None:
    assert refusal(text) is AuthFailure.INVALID


def test_audience_and_issuer_are_checked_where_they_are_set() -> None:
    strict = Settings(debug=True, jwt_keys=KEY, jwt_audience="sockets", jwt_issuer="forum")
    assert verify(token(aud="sockets", iss="forum"), strict).user_id == 7
    assert verify(mint(7, strict)[0], strict).user_id == 7
    assert refusal(token(aud="sockets"), strict) is AuthFailure.INVALID
    assert refusal(token(aud="other", iss="forum"), strict) is AuthFailure.INVALID
    assert refusal(token(), strict) is AuthFailure.INVALID


def test_a_token_from_the_future_is_good_where_our_clock_lags() -> None:
    issued_at = time.time() + 300
    identity = verify(token(exp=issued_at + 600, iat=issued_at), SETTINGS)
    assert (identity.user_id, identity.issued_at) == (7, issued_at)


@pytest.mark.parametrize("iat", ["now", None, True, [], float("nan"), float("inf"), 10**400])
def test_when_it_was_issued_must_be_a_number(iat: Any) -> None:
    assert refusal(token(iat=iat)) is AuthFailure.INVALID
