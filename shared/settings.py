"""Clarion's settings in this process, checked.

Input: the variables of variables.py in the environment; in a Django project also its `CLARION` dict, and after that
Django's own settings (see django_settings.py). Output: one frozen `Settings`, which `get_settings()` reads once in each
process. A value that cannot be used is rejected with a message that says what to do.
"""

import re
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from pydantic import ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from . import database, django_settings
from .sentinel import watched
from .variables import DEVELOPMENT_SECRET, Variables

#: HS256 needs a key at least as long as its digest (RFC 7518, 3.2).
SECRET_KEY_MIN_BYTES = 32

#: A token of a service, with the service's name where it has one. Base64 may end with `=`, so a token follows a name.
_SERVICE = re.compile(r"(?:(?P<name>[a-z][a-z0-9_-]{0,31})=(?=[^=]))?(?P<token>.*)", re.DOTALL)

#: Written with commas between their parts.
LISTS = (
    "channel_layer_url",
    "secret_key_fallbacks",
    "jwt_keys",
    "allowed_hosts",
    "allowed_origins",
    "service_tokens",
    "jwt_subprotocols",
)

#: A comma inside of a URL, as in a password, separates nothing.
_BETWEEN_URLS = re.compile(r",\s*(?=[a-z][a-z0-9+.-]*://)", re.IGNORECASE)
#: Schemes of URLs that name a host.
_WITH_HOST = ("redis", "rediss", "amqp", "amqps", "pyamqp")


class _Source(PydanticBaseSettingsSource):
    """Values of the Django project, by field, from one of the functions of django_settings.py."""

    def __init__(self, settings: type[BaseSettings], read: Callable[[], dict[str, Any]]) -> None:
        super().__init__(settings)
        self._read = read

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return nothing: the source gives all of its values together."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values, by the names that validation expects."""
        fields = Variables.model_fields
        return {
            name if fields[name].validation_alias is None else django_settings.name_of(name): value
            for name, value in self._read().items()
        }


class Settings(Variables):
    """The variables of this process, checked, and the settings that are derived from them."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, *_: Any, **__: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """Return the sources, the one that counts most first."""
        project = (_Source(settings_cls, read) for read in (django_settings.of_clarion, django_settings.of_django))
        return init_settings, env_settings, *project

    @field_validator(*LISTS, mode="before")
    @classmethod
    def _split(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return value
        parts = _BETWEEN_URLS.split(value) if info.field_name == "channel_layer_url" else value.split(",")
        return tuple(part.strip() for part in parts if part.strip())

    @field_validator("database_url")
    @classmethod
    def _names_a_database(cls, value: str) -> str:
        database.parse(value)
        return value

    @model_validator(mode="after")
    def _keys_are_long(self) -> Self:
        for key in (*self._own_secret_keys, *self._jwt_keys, *(token for _, token in self.services)):
            if len(key.encode()) < SECRET_KEY_MIN_BYTES:
                raise ValueError(
                    f"a signing key or service token is shorter than {SECRET_KEY_MIN_BYTES} bytes: use a longer one"
                )
        return self

    @model_validator(mode="after")
    def _subjects_have_one_column(self) -> Self:
        if self.jwt_user_column and self.jwt_user_claim == "sub":
            raise ValueError("CLARION_JWT_USER_COLUMN needs CLARION_JWT_USER_CLAIM: `sub` is the id of a user")
        if self.jwks_url is not None and self.jwt_user_column not in ("", self.jwks_user_column):
            raise ValueError("CLARION_JWT_USER_COLUMN and CLARION_JWKS_USER_COLUMN must name the same column")
        return self

    @property
    def subject_column(self) -> str:
        """The column that a claim is compared with if it is not the id, else empty."""
        return self.jwks_user_column if self.jwks_url is not None else self.jwt_user_column

    @model_validator(mode="after")
    def _tokens_are_distinguished(self) -> Self:
        if not self.jwt_audience and not self.jwt_keys:
            raise ValueError(
                "CLARION_JWT_AUDIENCE is empty and CLARION_JWT_KEYS is not set: any JWT that the web app signs with "
                "CLARION_SECRET_KEY would open sockets; set one of them"
            )
        return self

    @model_validator(mode="after")
    def _hosts_are_named(self) -> Self:
        layer = (("CHANNEL_LAYER_URL", url) for url in self.channel_layer_url)
        named = [("CLARION_BROKER_URL", self.broker_url), *layer]
        for name, url in named:
            if watched(url.get_secret_value()) is None and not _has_a_host(url.get_secret_value()):
                raise ValueError(f"{name} names no host: percent-encode #, / and ? of its password (%23, %2F, %3F)")
        return self

    @model_validator(mode="after")
    def _provider_is_told_apart(self) -> Self:
        if self.jwks_url is not None:
            if not self.jwks_url.startswith(("https://", "http://")):
                raise ValueError("CLARION_JWKS_URL must begin with https:// (or http://, inside a network of your own)")
            if self.jwks_audience is None and self.jwks_issuer is None:
                raise ValueError(
                    "CLARION_JWKS_URL is set, but neither CLARION_JWKS_AUDIENCE nor CLARION_JWKS_ISSUER: set at least "
                    "one, or tokens that the provider gave to other applications would open sockets here"
                )
        return self

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The secret key and its fallbacks, or Django's; raise ImproperlyConfigured if there are none."""
        keys = self._own_secret_keys or django_settings.secret_keys()
        if self.debug and not keys:
            return (DEVELOPMENT_SECRET,)
        if not keys or (keys[0] == DEVELOPMENT_SECRET and not self.debug):
            raise ImproperlyConfigured(
                "CLARION_SECRET_KEY is not set: give this process the SECRET_KEY of the Django project, which "
                "`manage.py clarion env` prints"
            )
        return keys

    @property
    def _own_secret_keys(self) -> tuple[str, ...]:
        if not self.secret_key.get_secret_value():
            return ()
        return tuple(key.get_secret_value() for key in (self.secret_key, *self.secret_key_fallbacks))

    @property
    def _jwt_keys(self) -> tuple[str, ...]:
        return tuple(key.get_secret_value() for key in self.jwt_keys)

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """HS256 keys, the one that signs first."""
        return self._jwt_keys or self.secret_keys

    @property
    def services(self) -> tuple[tuple[str, str], ...]:
        """Name and token of each service that may record events; the name is empty where none is given."""
        parts = (_SERVICE.fullmatch(token.get_secret_value()) for token in self.service_tokens)
        return tuple((part["name"] or "", part["token"]) for part in parts if part is not None)

    @property
    def conninfo(self) -> str:
        """Postgres for a connection that is not Django's."""
        return database.parse(self.database_url).conninfo

    def django_database(self) -> dict[str, Any]:
        """Return the entry for Django's `DATABASES["default"]`."""
        return database.parse(self.database_url).for_django

    def django_channel_layers(self) -> dict[str, Any]:
        """Django's `CHANNEL_LAYERS`."""
        return {
            "default": {
                "BACKEND": "clarion.shared.channel_layer.ClarionChannelLayer",
                "CONFIG": {
                    "hosts": [_layer_host(url.get_secret_value()) for url in self.channel_layer_url],
                    "prefix": self.channel_layer_prefix,
                    "per_installation": True,
                },
            }
        }


def _layer_host(url: str) -> str | dict[str, Any]:
    found = watched(url)
    return url if found is None else found.for_the_layer()


def _has_a_host(url: str) -> bool:
    """Whether a URL can be taken apart; of a scheme without a host, that is for its client to find out."""
    try:
        parts = urlsplit(url)
        return parts.scheme not in _WITH_HOST or (bool(parts.hostname) and parts.port != 0 and not parts.fragment)
    except ValueError:  # a malformed port
        return False


#: None until they are read with all sources.
_settings: Settings | None = None


def get_settings() -> Settings:
    """Return the settings of this process, read once; raise ImproperlyConfigured for a value that cannot be used.

    A settings module of Django that calls this gets the values of the environment alone.
    """
    global _settings
    if _settings is not None:
        return _settings
    try:
        read = Settings()
    except ValidationError as error:
        raise ImproperlyConfigured(_sentences(error)) from None
    if not django_settings.are_loading():
        _settings = read
    return read


def _sentences(error: ValidationError) -> str:
    """Return what is wrong with each setting, without the values, which may be secret."""
    found = []
    for one in error.errors(include_input=False, include_url=False):
        field = str(one["loc"][0]) if one["loc"] else ""
        name = django_settings.name_of(field) if field in Variables.model_fields else field
        found.append(": ".join(filter(None, (name, one["msg"].removeprefix("Value error, ")))))
    return "; ".join(found)
