"""The API takes the tokens that open sockets: Clarion's own, of whichever claim, and an identity provider's."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import User
from django.test import Client

from clarion.pipeline import revocation
from clarion.pipeline.api import provider as of_the_api
from clarion.shared.settings import Settings, get_settings
from tests.factories import UserFactory
from tests.provider import AUDIENCE, ISSUER, Provider, provider

Use = Callable[..., Settings]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Has the API read these settings."""

    def used(**values: Any) -> Settings:
        settings = get_settings().model_copy(update=values)
        monkeypatch.setattr(of_the_api, "get_settings", lambda: settings)
        of_the_api._keys.cache_clear()
        return settings

    yield used
    of_the_api._keys.cache_clear()


@pytest.fixture
def login() -> Iterator[Provider]:
    with provider() as made:
        yield made


def status(token: str) -> int:
    return Client(headers={"authorization": f"Bearer {token}"}).get("/api/inbox").status_code


def trust(use: Use, login: Provider, **more: str) -> None:
    known = {"jwks_url": login.url, "jwks_audience": AUDIENCE, "jwks_issuer": ISSUER, "jwks_user_column": "username"}
    use(**known | more)


def test_api_with_provider_token(db: None, use: Use, login: Provider) -> None:
    """A provider's token gives access until it expires, is revoked or its user is deactivated."""
    trust(use, login)
    ann = UserFactory.create(username="auth0|7")
    assert status(login.token()) == 200
    assert status(login.token(sub="unknown")) == 401
    assert status(login.token(exp=time.time() - 60)) == 401
    assert login.asked == 1
    revocation.revoke(ann.pk)
    assert status(login.token(iat=time.time() - 60)) == 401
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert status(login.token(iat=time.time() + 60)) == 401


def test_api_during_provider_outage(db: None, use: Use, login: Provider) -> None:
    """The API answers 503, not 401, while the provider is unavailable."""
    login.broken = True
    trust(use, login)
    UserFactory.create(username="auth0|7")
    assert status(login.token()) == 503


def test_ambiguous_subject(db: None, use: Use, login: Provider) -> None:
    """A subject that matches several users gives 401."""
    use(
        jwks_url=login.url,
        jwks_audience=AUDIENCE,
        jwks_issuer=ISSUER,
        jwks_user_claim="email",
        jwks_user_column="email",
    )
    UserFactory.create(email="twins@forum.example")
    assert status(login.token(email="twins@forum.example")) == 200
    UserFactory.create(email="twins@forum.example")
    assert status(login.token(email="twins@forum.example")) == 401


def test_api_with_another_claim(db: None, use: Use) -> None:
    """A token may identify its user by another claim and column."""
    settings = use(jwt_user_claim="username", jwt_user_column="username")
    ann = UserFactory.create()
    claims = {"username": ann.username, "exp": time.time() + 60, "aud": settings.jwt_audience}
    assert status(jwt.encode(claims, settings.signing_keys[0])) == 200
    assert status(jwt.encode(claims | {"username": "unknown"}, settings.signing_keys[0])) == 401
