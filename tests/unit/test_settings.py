"""A setting that cannot be used is refused at start, with what to do about it."""

import pytest
from pydantic import ValidationError

from clarion.shared.settings import Settings
from clarion.shared.tokens import mint, verify
from clarion.shared.variables import DEVELOPMENT_SECRET

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
    assert "s3cret" not in repr(Settings(secret_key=LONG, DATABASE_URL="postgresql://u:s3cret@h/d"))  # type: ignore[call-arg]


def test_a_comma_in_a_password_separates_no_hosts() -> None:
    url = "redis://:pa,ss@one:6379/1, rediss://u:p,,w@two/0,sentinel://:a,b@three/name/0"
    settings = Settings(secret_key=LONG, CHANNEL_LAYER_URL=url, CLARION_BROKER_URL="redis://:pa,ss@h/0")  # type: ignore[call-arg]
    first, second, third = settings.django_channel_layers()["default"]["CONFIG"]["hosts"]
    assert (first, second) == ("redis://:pa,ss@one:6379/1", "rediss://u:p,,w@two/0")
    assert third["password"] == "a,b"


@pytest.mark.parametrize("name", ["CLARION_BROKER_URL", "CHANNEL_LAYER_URL"])
@pytest.mark.parametrize(
    "url", ["redis://:s3#cret@h:6379/0", "redis://:s3/cret@h/0", "amqp://u:s3?cret@h//", "redis:///0"]
)
def test_a_password_that_hides_the_host_is_refused_at_start(name: str, url: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} names no host: percent-encode") as refused:
        Settings.model_validate({"secret_key": LONG, name: url})
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["unix:///run/redis.sock", "redis+socket:///run/redis.sock", "memory://", "amqp://rabbit//"]
)
def test_a_url_without_a_host_of_its_own_is_taken(url: str) -> None:
    assert Settings.model_validate({"secret_key": LONG, "CLARION_BROKER_URL": url}).broker_url.get_secret_value() == url


def test_former_secret_keys_verify_and_sign_nothing() -> None:
    old, new = "o" * 40, "n" * 40
    settings = Settings(secret_key=new, secret_key_fallbacks=old)
    assert settings.secret_keys == settings.signing_keys == (new, old)
    assert verify(mint(7, Settings(secret_key=old))[0], settings).user_id == 7
    assert verify(mint(7, settings)[0], Settings(secret_key=new)).user_id == 7
    assert Settings(secret_key=new, secret_key_fallbacks=old, jwt_keys=LONG).signing_keys == (LONG,)
