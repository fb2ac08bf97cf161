"""URLs of Sentinel, as the broker and the channel layer read them."""

import pytest
from pydantic import ValidationError

from clarion.shared.sentinel import DEFAULT_PORT, watched
from clarion.shared.settings import Settings

LONG = "x" * 50


def test_other_url() -> None:
    """A URL of another scheme is not parsed as a Sentinel URL."""
    assert watched("redis://a:6379/0") is None


def test_shortest_url() -> None:
    """A URL with one host and a name uses the default port and database 0."""
    found = watched("sentinel://a/clarion")
    assert found is not None
    assert found.for_the_layer()["sentinels"] == [("a", DEFAULT_PORT)]
    assert (found.for_the_layer()["master_name"], found.for_the_layer()["db"]) == ("clarion", 0)
    assert found.for_celery()[0] == "sentinel://a:26379/0"


def test_longest_url() -> None:
    """A URL with credentials, three hosts, a database and a Sentinel password is read completely."""
    found = watched("sentinel://me:p%40ss@a:1;b;[::1]:3/clarion/2?sentinel_password=s3")
    assert found is not None
    host = found.for_the_layer()
    assert host["sentinels"] == [("a", 1), ("b", DEFAULT_PORT), ("::1", 3)]
    assert (host["username"], host["password"], host["db"]) == ("me", "p@ss", 2)
    assert host["sentinel_kwargs"]["password"] == "s3"
    url, options = found.for_celery()
    assert url.split(";")[:2] == ["sentinel://me:p%40ss@a:1/2", "sentinel://me:p%40ss@b:26379/2"]
    assert options["master_name"] == "clarion"


@pytest.mark.parametrize("url", ["sentinel://a", "sentinel://a/", "sentinel:///clarion", "sentinel://a/clarion/x"])
def test_sentinel_url_without_name(url: str) -> None:
    """A Sentinel URL without a service name is refused at start."""
    with pytest.raises(ValueError, match="NAME/DB"):
        watched(url)
    for name in ("broker_url", "channel_layer_url"):
        with pytest.raises(ValidationError, match="NAME/DB"):
            Settings.model_validate({"secret_key": LONG, name.upper(): url, name: url})


def test_mixed_channel_layer_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel layer may combine a host behind Sentinel with a plain one."""
    monkeypatch.setenv("CHANNEL_LAYER_URL", "sentinel://a;b/one/1, redis://two/0")
    first, second = Settings(secret_key=LONG).django_channel_layers()["default"]["CONFIG"]["hosts"]
    assert first["master_name"] == "one"
    assert second == "redis://two/0"
