"""The card that breaks parts of the stack: only with a runner, only for staff, with sentences while a part is away."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from dev.channel import listening
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

BREAK, STATUS = "/operator/break/", "/operator/break/status/"


class Runner:
    """A runner that notes each request."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.absent: dict[str, str] = {}
        self.refusal = ""

    def respond(self, line: str) -> dict[str, Any]:
        self.heard.append(line)
        if line == "status":
            requests = ["kill worker-live", "stop valkey", "freeze edge", "restart postgres"]
            left = [one for one in requests if one.split()[1] not in self.absent]
            return {"parts": [], "requests": left, "absent": self.absent, "load": None, "load_runs": False}
        return {"error": self.refusal} if self.refusal else {"ok": True}


@pytest.fixture
def runner(settings: Settings, tmp_path: Path) -> Iterator[Runner]:
    settings.FORUM_BREAK_SOCKET = str(tmp_path / "break.sock")
    made = Runner()
    with listening(tmp_path / "break.sock", made.respond):
        yield made


@pytest.fixture
def as_staff(db: None) -> Client:
    browser = Client()
    browser.force_login(UserFactory.create(is_staff=True))
    return browser


def text_of(browser: Client) -> str:
    return browser.get("/operator/").content.decode()


def pass_of(browser: Client) -> str:
    return text_of(browser).split('data-pass="')[1].split('"')[0]


def test_without_runner(as_staff: Client) -> None:
    """Without a runner neither the card nor its addresses exist."""
    assert "Break it" not in text_of(as_staff)
    assert as_staff.post(BREAK, {"what": "freeze edge"}).status_code == 404
    assert as_staff.get(STATUS).status_code == 404


@pytest.mark.parametrize("what", ["start load", "kill worker-live", "stop valkey", "freeze edge", "restart postgres"])
def test_buttons(as_staff: Client, runner: Runner, what: str) -> None:
    """Each button of the card sends its request to the runner."""
    assert f'data-request="{what}"' in text_of(as_staff)
    assert as_staff.post(BREAK, {"what": what}).status_code == 202
    assert runner.heard == ["status", what]


@pytest.mark.parametrize("what", ["", "status", "report {}", "kill web", "freeze edge\nstop valkey"])
def test_other_requests(as_staff: Client, runner: Runner, what: str) -> None:
    """Any other request does not reach the runner."""
    answer = as_staff.post(BREAK, {"what": what})
    assert (answer.status_code, answer.json()) == (422, {"detail": "There is no such button."})
    assert runner.heard == []


def test_permission(client: Client, runner: Runner) -> None:
    """Only staff may break something, and only from the site's own page."""
    assert client.post(BREAK, {"what": "freeze edge"}).headers["Location"].startswith("/sign-in/")
    client.force_login(UserFactory.create())
    assert client.post(BREAK, {"what": "freeze edge"}).status_code == 403
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(UserFactory.create(is_staff=True))
    assert careful.post(BREAK, {"what": "freeze edge"}).status_code == 403
    assert careful.get(BREAK).status_code == 405
    assert runner.heard == []


def test_refusal(as_staff: Client, runner: Runner) -> None:
    """The sentence of a runner that refuses is the answer."""
    runner.refusal = "The edge is being broken already: wait until it works again."
    answer = as_staff.post(BREAK, {"what": "freeze edge"})
    assert (answer.status_code, answer.json()) == (409, {"detail": runner.refusal})


def test_own_servers(as_staff: Client, runner: Runner) -> None:
    """Your own servers have no button but a sentence."""
    runner.absent = {"postgres": "DATABASE_URL", "valkey": "CLARION_BROKER_URL"}
    text = text_of(as_staff)
    assert "restart postgres" not in text
    assert "stop valkey" not in text
    assert "Postgres is your own server (DATABASE_URL), so this page does not restart it." in text
    assert "Redis is your own server (CLARION_BROKER_URL), so this page does not stop it." in text


def test_status_without_database(
    as_staff: Client, runner: Runner, django_assert_num_queries: Callable[..., Any]
) -> None:
    """The status is answered without a query, to a page that holds a pass."""
    passed = pass_of(as_staff)
    with django_assert_num_queries(0):
        answer = as_staff.get(STATUS, headers={"X-Pass": passed})
        refused = [as_staff.get(STATUS, headers={"X-Pass": one}).status_code for one in ("", passed[:-1], "1:x:y")]
    assert answer.json() == {"parts": [], "load": None, "load_runs": False}
    assert refused == [403, 403, 403]


def test_runner_away(as_staff: Client, settings: Settings, tmp_path: Path) -> None:
    """A runner that does not answer is named."""
    settings.FORUM_BREAK_SOCKET = str(tmp_path / "missing.sock")
    assert "`make run` does not answer." in text_of(as_staff)
    answer = as_staff.post(BREAK, {"what": "freeze edge"})
    assert (answer.status_code, answer.json()) == (503, {"detail": "`make run` does not answer."})


def test_postgres_away(as_staff: Client, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Postgres is away, a button is answered with a sentence."""

    def fail(_request: object) -> User:
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.contrib.auth.middleware.get_user", fail)
    answer = as_staff.post(BREAK, {"what": "freeze edge"})
    assert (answer.status_code, answer.json()) == (503, {"detail": "Postgres is away: try again in a moment."})
    assert runner.heard == []
