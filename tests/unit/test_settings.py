"""A setting that cannot be used is refused at start, with what to do about it."""

import pytest
from pydantic import ValidationError

from shared.settings import DEVELOPMENT_SECRET, Settings

LONG = "x" * 50


def test_production_refuses_the_development_secret() -> None:
    with pytest.raises(ValidationError, match="CLARION_SECRET_KEY is not set"):
        Settings(debug=False, secret_key=DEVELOPMENT_SECRET)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="shorter than 32 bytes"):
        Settings(secret_key=LONG, jwt_keys="short")


def test_several_hosts_of_the_channel_layer_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANNEL_LAYER_URL", "redis://one/0, redis://two/0")
    hosts = Settings(secret_key=LONG).django_channel_layers()["default"]["CONFIG"]["hosts"]
    assert hosts == ["redis://one/0", "redis://two/0"]


def test_secrets_are_not_shown() -> None:
    shown = repr(Settings(secret_key=LONG, jwt_keys=LONG + "y"))
    assert LONG not in shown
