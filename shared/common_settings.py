"""The settings that web, workers and edges must have in common, in a form that may be shown.

Input: the settings of one process. Output: texts by the name of the variable. Secrets are fingerprints, which compare
equal but reveal nothing. Each edge reports its own, and `manage.py clarion doctor` compares them.
"""

import hashlib
from contextlib import suppress
from enum import Enum
from importlib import metadata
from typing import Any, Final

from pydantic import SecretStr

from .django_settings import name_of
from .settings import Settings

#: Fields whose values may be shown.
_PLAIN: Final = (
    "channel_layer_prefix", "session_cookie", "user_table", "user_id_column", "user_key", "username_column",
    "user_active_column", "jwt_audience", "jwt_issuer", "jwt_user_claim", "jwt_user_column", "jwks_url",
    "jwks_audience", "jwks_issuer", "jwks_user_claim", "jwks_user_column",
)  # fmt: skip

#: Variables of which there is a fingerprint alone.
SECRET: Final = ("CLARION_SECRET_KEY", "CLARION_SECRET_KEY_FALLBACKS", "CLARION_JWT_KEYS")


def common_settings(settings: Settings) -> dict[str, str]:
    """Return the settings that processes must share, by the name of the variable."""
    plain = {name_of(field): as_text(getattr(settings, field)) for field in _PLAIN}
    keys = settings.secret_keys
    secrets = zip(SECRET, (keys[:1], keys[1:], settings.signing_keys), strict=True)
    return plain | {name: _fingerprint(values) for name, values in secrets}


def version() -> str:
    """Return the version of Clarion in this process; "" in a checkout that was not installed."""
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("clarion")
    return ""


def as_text(value: Any) -> str:
    """Return a value of a setting as it stands in the environment."""
    match value:
        case tuple():
            return ",".join(map(as_text, value))
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return str(int(value))
        case Enum():
            return str(value.value)
    return "" if value is None else str(value)


def _fingerprint(secrets: tuple[str, ...]) -> str:
    """Return a short digest of secrets, which are long enough that nobody can guess them by it."""
    return hashlib.sha256(b"clarion:" + "\n".join(secrets).encode()).hexdigest()[:12] if secrets else ""
