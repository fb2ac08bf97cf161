"""As in production: no debugging, secrets that were set, a proxy that speaks TLS. Real gunicorn, real Flower."""

import base64
import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User

from dev.ports import free_port
from tests.acceptance.conftest import on_test_database
from tests.processes import BIN, Answering, Process

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "CLARION_DEBUG": "0",
    "CLARION_SECRET_KEY": secrets.token_urlsafe(48),
    "CLARION_ALLOWED_HOSTS": "forum.test",
}

#: The headers that the proxy adds for the web app.
BY_PROXY = {"Host": "forum.test", "X-Forwarded-Proto": "https"}


class Web(Answering):
    """The web app behind a proxy."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        super().__init__(
            "production",
            str(BIN / "gunicorn"), "examples.forum.wsgi:application", "--worker-class=gthread", "--workers=1",
            f"--bind=127.0.0.1:{self.port}", "--no-control-socket",
            **environment,
        )  # fmt: skip

    def http(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=BY_PROXY, timeout=10)

    def is_up(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self.http("/api/health").status_code == 200
        return False


@pytest.fixture(scope="module")
def web(django_db_setup: None, valkey: str) -> Iterator[Web]:
    with Web(**PRODUCTION, **on_test_database()) as process:
        yield process


def test_django_check_deploy() -> None:
    """Django's `check --deploy` has no findings."""
    command = [sys.executable, "-m", "django", "check", "--deploy", "--fail-level=INFO"]
    checked = subprocess.run(command, env=os.environ | PRODUCTION, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


@pytest.mark.parametrize("path", ["/sign-in/", "/api/health", "/api/inbox", "/api/docs", "/static/forum/forum.css"])
def test_security_headers(web: Web, path: str) -> None:
    """Every response has the security headers."""
    headers = web.http(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    if not path.startswith("/static/"):
        assert headers["X-Frame-Options"] == "DENY"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_cookie_attributes_and_csrf(web: Web) -> None:
    """Cookies are Secure, the session is HttpOnly, and a foreign referer is refused."""
    user = User.objects.create_user("ann", password="a long and winding password")
    with httpx.Client(base_url=f"http://127.0.0.1:{web.port}", headers=BY_PROXY, timeout=10) as browser:
        page = browser.get("/sign-in/")
        token = page.cookies["csrftoken"]
        assert "Secure" in page.headers["Set-Cookie"]
        form = {"username": user.username, "password": "a long and winding password", "csrfmiddlewaretoken": token}
        as_browser = {"Referer": "https://forum.test/sign-in/", "Cookie": f"csrftoken={token}"}
        strange = {**as_browser, "Referer": "https://evil.test/"}
        assert browser.post("/sign-in/", data=form, headers=strange).status_code == 403
        assert browser.post("/sign-in/", data=form, headers={"Referer": as_browser["Referer"]}).status_code == 403
        signed_in = browser.post("/sign-in/", data=form, headers=as_browser)
        assert signed_in.status_code == 302
        cookies = [value for value in signed_in.headers.get_list("Set-Cookie") if value.startswith("sessionid=")]
        assert len(cookies) == 1
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= {part.strip() for part in cookies[0].split(";")}


def test_http_redirect_and_unknown_host(web: Web) -> None:
    """Plain HTTP redirects to HTTPS, and an unknown host gives 400."""
    base = f"http://127.0.0.1:{web.port}"
    plain = httpx.get(f"{base}/sign-in/", headers={"Host": "forum.test"}, timeout=10)
    assert (plain.status_code, plain.headers["Location"]) == (301, "https://forum.test/sign-in/")
    assert httpx.get(f"{base}/sign-in/", headers=BY_PROXY | {"Host": "evil.test"}, timeout=10).status_code == 400


def test_error_page_without_details(web: Web) -> None:
    """An error page shows no details of the application."""
    missing = web.http("/no/such/page/")
    assert missing.status_code == 404
    assert "urlpatterns" not in missing.text
    assert "sign-in/as/" not in missing.text


def flower_line() -> str:
    """The command of the Procfile."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith("flower:"))


def test_flower_with_wrong_password(valkey: str) -> None:
    """Flower answers 401 without the right password."""
    port = free_port()
    environment = {
        "CLARION_FLOWER_PASSWORD": "for the operators of this run",
        "CLARION_FLOWER_PORT": str(port),
        "CLARION_BIND": "127.0.0.1",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }

    class Flower(Process):
        def is_up(self) -> bool:
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:{port}/healthcheck", timeout=5).status_code == 200
            return False

    with Flower("flower", "/bin/sh", "-c", flower_line(), **environment):

        def status(path: str, password: str | None = None) -> int:
            basic = base64.b64encode(f"clarion:{password}".encode()).decode()
            headers = {} if password is None else {"Authorization": f"Basic {basic}"}
            return httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=10).status_code

        for path in ("/", "/workers", "/tasks", "/broker", "/api/workers", "/api/tasks"):
            assert status(path) == 401, path
            assert status(path, "guessed") == 401, path
            assert status(path, "") == 401, path
        assert status("/workers", environment["CLARION_FLOWER_PASSWORD"]) == 200


def test_flower_without_password() -> None:
    """Flower does not start without a password."""
    env = {name: value for name, value in os.environ.items() if name != "CLARION_FLOWER_PASSWORD"}
    started = subprocess.run(
        ["/bin/sh", "-c", flower_line()], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert started.returncode != 0
    assert "set CLARION_FLOWER_PASSWORD" in started.stderr
