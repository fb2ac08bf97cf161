"""The session cookie is found in every header that a browser or proxy sends, from an allowed origin only."""

from datetime import UTC, datetime
from typing import cast

import pytest
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.utils.crypto import salted_hmac

from clarion.edge.reader import InboxReader
from clarion.edge.session_cookie import allowed_origin, cookie_of, identity_of
from clarion.shared.settings import Settings

SETTINGS = Settings(debug=True, allowed_origins=("https://forum.example",))
OWN = (b"origin", b"https://edge.example"), (b"host", b"edge.example")

#: Cookies that other scripts of a page set beside the session's.
OTHERS = [
    'g_state={"i_l":0}', "prefs[theme]=dark", "name=Jürgen M", "flag", "=v", "a@b=1", "path=/", 'q="open',
    "consent=a:1,b c:2", "empty=", "x=a=b", "", ";", "tab=\t", "$Version=1", "expires=Thu, 01 Jan 1970",
]  # fmt: skip


def found(*headers: bytes) -> str | None:
    return cookie_of({"headers": [*((b"cookie", header) for header in headers), *OWN]}, SETTINGS)


@pytest.mark.parametrize("other", OTHERS)
def test_other_cookies(other: str) -> None:
    """The session cookie is found beside any other cookies."""
    for header in (f"{other}; sessionid=abc", f"sessionid=abc; {other}", f"{other}; sessionid=abc; {other}"):
        raw = header.encode()
        assert found(raw) == "abc" == parse_cookie(raw.decode("latin-1"))["sessionid"]


def test_several_cookie_headers() -> None:
    """Several Cookie headers are read as one."""
    assert found(b"theme=dark", b"sessionid=abc") == found(b"sessionid=abc", b"theme=dark") == "abc"


@pytest.mark.parametrize("header", [b"", b"session=abc", b"sessionid=", b"xsessionid=abc", b"sessionid"])
def test_missing_session_cookie(header: bytes) -> None:
    """Without a session cookie no session is found."""
    assert found(header) is None
    request = HttpRequest()
    request.META["HTTP_COOKIE"] = header.decode()
    assert not request.COOKIES.get("sessionid")


@pytest.mark.parametrize(
    "origin",
    [b"http://[::1", b"http://[", b"null", b"", b"https://", b"//edge.example", b"https://edge.example:x", b"\xff",
     b"https://other.example", b"https://edge.example.other.example"],
)  # fmt: skip
def test_foreign_origin(origin: bytes) -> None:
    """A malformed or foreign origin is refused."""
    scope = {"headers": [(b"origin", origin), (b"host", b"edge.example"), (b"cookie", b"sessionid=abc")]}
    assert allowed_origin(scope, SETTINGS) is None
    assert cookie_of(scope, SETTINGS) is None


def test_allowed_origins() -> None:
    """The edge's own host and the configured origins are allowed."""
    assert allowed_origin({"headers": [*OWN]}, SETTINGS) == "https://edge.example"
    named = {"headers": [(b"origin", b"https://forum.example"), (b"host", b"edge.example")]}
    assert allowed_origin(named, SETTINGS) == "https://forum.example"


class OneSession:
    """A reader that finds one session, signed with a key, and the password of its user."""

    def __init__(self, key: str) -> None:
        salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
        content = {
            "_auth_user_id": "7",
            "_auth_user_hash": salted_hmac(salt, "hashed", secret=key, algorithm="sha256").hexdigest(),
        }
        salt = "django.contrib.sessions.SessionStore"
        self.data = signing.dumps(content, key, salt=salt, serializer=JSONSerializer, compress=True)

    async def session(self, key: str) -> tuple[str, datetime]:
        return self.data, datetime(2030, 1, 1, tzinfo=UTC)

    async def password(self, user_id: int) -> str:
        return "hashed"


async def test_session_after_key_rotation() -> None:
    """A session signed with a former secret key opens sockets while that key is a fallback."""
    old, new = "o" * 40, "n" * 40

    async def opens(signed_with: str, **settings: str) -> bool:
        reader = cast(InboxReader, OneSession(signed_with))
        return await identity_of("abc", reader, Settings(debug=True, **settings), 0.0) is not None  # type: ignore[arg-type]

    assert await opens(old, secret_key=old)
    assert not await opens(old, secret_key=new)
    assert await opens(old, secret_key=new, secret_key_fallbacks=old)
    assert await opens(new, secret_key=new, secret_key_fallbacks=old)
    assert not await opens(new, secret_key=old)
