"""A setting that cannot be used is refused at start, and the error says how to correct it."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pydantic import ValidationError

from clarion.shared import settings as settings_module
from clarion.shared.settings import Settings
from clarion.shared.tokens import mint, verify
from clarion.shared.variables import DEVELOPMENT_SECRET
from tests.docs.blocks import blocks_of

LONG = "x" * 50


def test_development_secret_in_production() -> None:
    """Production refuses the development secret."""
    with pytest.raises(ImproperlyConfigured, match="CLARION_SECRET_KEY is not set"):
        Settings(debug=False, secret_key=DEVELOPMENT_SECRET).secret_keys  # noqa: B018
    assert Settings(debug=True, secret_key=DEVELOPMENT_SECRET).secret_keys == (DEVELOPMENT_SECRET,)


def test_short_key() -> None:
    """A signing key of fewer than 32 bytes is refused."""
    with pytest.raises(ValidationError, match="shorter than 32 bytes"):
        Settings(secret_key=LONG, jwt_keys="short")


def test_channel_layer_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hosts of the channel layer are separated by commas."""
    monkeypatch.setenv("CHANNEL_LAYER_URL", "redis://one/0, redis://two/0")
    hosts = Settings(secret_key=LONG).django_channel_layers()["default"]["CONFIG"]["hosts"]
    assert hosts == ["redis://one/0", "redis://two/0"]


def test_secrets_in_repr() -> None:
    """The repr of the settings shows no secret."""
    shown = repr(Settings(secret_key=LONG, jwt_keys=LONG + "y"))
    assert LONG not in shown
    assert "s3cret" not in repr(Settings(secret_key=LONG, DATABASE_URL="postgresql://u:s3cret@h/d"))  # type: ignore[call-arg]


def test_comma_in_password() -> None:
    """A comma in a password does not separate hosts."""
    url = "redis://:pa,ss@one:6379/1, rediss://u:p,,w@two/0,sentinel://:a,b@three/name/0"
    settings = Settings(secret_key=LONG, CHANNEL_LAYER_URL=url, CLARION_BROKER_URL="redis://:pa,ss@h/0")  # type: ignore[call-arg]
    first, second, third = settings.django_channel_layers()["default"]["CONFIG"]["hosts"]
    assert (first, second) == ("redis://:pa,ss@one:6379/1", "rediss://u:p,,w@two/0")
    assert third["password"] == "a,b"


@pytest.mark.parametrize("name", ["CLARION_BROKER_URL", "CHANNEL_LAYER_URL"])
@pytest.mark.parametrize(
    "url", ["redis://:s3#cret@h:6379/0", "redis://:s3/cret@h/0", "amqp://u:s3?cret@h//", "redis:///0"]
)
def test_url_without_host(name: str, url: str) -> None:
    """A URL whose unescaped password hides the host is refused, and the error does not show the password."""
    with pytest.raises(ValidationError, match=f"{name} names no host: percent-encode") as refused:
        Settings.model_validate({"secret_key": LONG, name: url})
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["unix:///run/redis.sock", "redis+socket:///run/redis.sock", "memory://", "amqp://rabbit//"]
)
def test_url_of_hostless_transport(url: str) -> None:
    """A broker URL of a transport without a host is accepted."""
    assert Settings.model_validate({"secret_key": LONG, "CLARION_BROKER_URL": url}).broker_url.get_secret_value() == url


def test_secret_key_fallbacks() -> None:
    """Former secret keys verify tokens but sign none."""
    old, new = "o" * 40, "n" * 40
    settings = Settings(secret_key=new, secret_key_fallbacks=old)
    assert settings.secret_keys == settings.signing_keys == (new, old)
    assert verify(mint(7, Settings(secret_key=old))[0], settings).user_id == 7
    assert verify(mint(7, settings)[0], Settings(secret_key=new)).user_id == 7
    assert Settings(secret_key=new, secret_key_fallbacks=old, jwt_keys=LONG).signing_keys == (LONG,)


def test_project_settings(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment counts more than the dict CLARION, and that more than Django's own settings."""
    monkeypatch.delenv("CLARION_BROKER_URL")
    monkeypatch.setenv("CLARION_BATCH_SIZE", "7")
    settings.SESSION_COOKIE_NAME, settings.DEBUG = "shelf", False
    settings.CSRF_TRUSTED_ORIGINS = ["https://shelf.example", "https://*.example"]
    settings.CLARION = {"BATCH_SIZE": 9, "RETENTION_DAYS": 9, "BROKER_URL": "redis://h/9", "JWT_KEYS": [LONG]}
    read = Settings()
    assert (read.batch_size, read.retention_days, read.session_cookie) == (7, 9, "shelf")
    assert read.broker_url.get_secret_value() == "redis://h/9"
    assert (read.allowed_origins, read.signing_keys) == (("https://shelf.example",), (LONG,))
    assert read.debug  # by the environment of the tests


def test_documented_dict(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dict in docs/settings.md can be used as it is."""
    for name in ("CLARION_BROKER_URL", "CHANNEL_LAYER_URL"):
        monkeypatch.delenv(name)
    namespace: dict[str, Any] = {}
    for block in blocks_of("test_documented_dict"):
        exec(block.text, namespace)  # noqa: S102 - a document of ours
    settings.CLARION = namespace["CLARION"]
    read = Settings()
    urls = [one.get_secret_value() for one in (read.broker_url, *read.channel_layer_url)]
    assert (urls, read.retention_days) == (["redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/1"], 30)


def test_secret_key_of_django(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a secret key of Clarion's, Django's is used, with its fallbacks, whatever their length."""
    monkeypatch.delenv("CLARION_SECRET_KEY")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "short", ["shorter"]
    assert Settings().secret_keys == ("short", "shorter")


@pytest.mark.parametrize(
    "given, message",
    [
        ({"BATCHSIZE": 1}, "CLARION has no setting 'BATCHSIZE': did you mean 'BATCH_SIZE'"),
        ({"CLARION_BATCH_SIZE": 1}, "CLARION has no setting 'CLARION_BATCH_SIZE': did you mean 'BATCH_SIZE'"),
        ({"colour": 1}, "CLARION has no setting 'colour': docs/settings.md has all names"),
        ({"BATCH_SIZE": 0}, "CLARION_BATCH_SIZE: Input should be greater than or equal to 1"),
        ({"BATCH_SIZE": "many"}, "CLARION_BATCH_SIZE: Input should be a valid integer"),
        ({"JWT_KEYS": "short"}, "a signing key or service token is shorter than 32 bytes: use a longer one"),
        (["BATCH_SIZE"], "CLARION must be a dict"),
    ],
)
def test_wrong_project_setting(settings: Any, monkeypatch: pytest.MonkeyPatch, given: Any, message: str) -> None:
    """A setting that cannot be used is one sentence that says what to do."""
    monkeypatch.setattr(settings_module, "_settings", None)
    settings.CLARION = given
    with pytest.raises(ImproperlyConfigured) as refused:
        settings_module.get_settings()
    assert str(refused.value).startswith(message)
