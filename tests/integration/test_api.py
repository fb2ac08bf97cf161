"""The HTTP API: access to the caller's own inbox only, and a clear answer to each request."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from clarion.pipeline import delivery
from clarion.pipeline.outbox.recording import record
from clarion.pipeline.persons import key_of
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint, verify
from tests.factories import UserFactory
from tests.integration.conftest import Frames
from tests.integration.things import TOPIC, ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann(db: None) -> User:
    return UserFactory.create()


@pytest.fixture
def as_ann(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


@pytest.fixture
def told(ann: User, valkey: str) -> list[str]:
    """Ann has three notifications; their ids, newest first."""
    for number in range(3):
        delivery.expand(record(ThingHappened(first=[ann.pk]), key=f"thing {number}"))
    return ["3", "2", "1"]


def post(client: Client, path: str, body: Any = None) -> tuple[int, Any]:
    response = client.post(f"/api/{path}", body, content_type="application/json")
    return response.status_code, response.json()


def test_snapshot(as_ann: Client, told: list[str]) -> None:
    """The snapshot contains the newest notifications, the head of the log and the user's id."""
    snapshot = as_ann.get("/api/inbox").json()
    assert (snapshot["epoch"], snapshot["seq"], snapshot["unread"]) == ("0", 3, 3)
    assert [item["notificationId"] for item in snapshot["notifications"]] == told
    assert snapshot["user_id"] == as_ann.session["_auth_user_id"]  # so that a page notices that it is another user's


def test_unused_inbox(as_ann: Client) -> None:
    """An unused inbox gives an empty snapshot, and marking it read changes nothing."""
    snapshot = as_ann.get("/api/inbox").json()
    head = {"epoch": "0", "seq": 0, "unread": 0, "seen": 0, "unseen": 0}
    assert snapshot == {"user_id": snapshot["user_id"], **head, "notifications": []}
    assert post(as_ann, "notifications/read") == (200, {"seq": 0, "unread": 0})


def test_pages_of_list(as_ann: Client, told: list[str]) -> None:
    """The list of notifications is paged by the last id of a page."""
    first = as_ann.get("/api/notifications?limit=2").json()
    assert ([item["notificationId"] for item in first["items"]], first["next"]) == (["3", "2"], "2")
    second = as_ann.get(f"/api/notifications?limit=2&before={first['next']}").json()
    assert ([item["notificationId"] for item in second["items"]], second["next"]) == (["1"], None)


def test_filtered_list(as_ann: Client, told: list[str]) -> None:
    """The list is filtered by read state, kind and topic."""
    post(as_ann, "notifications/2/read")

    def ids(query: str) -> list[str]:
        return [item["notificationId"] for item in as_ann.get(f"/api/notifications?{query}").json()["items"]]

    assert ids("is_read=true") == ["2"]
    assert ids("is_read=false") == ["3", "1"]
    assert ids("kind=FIRST") == ids(f"topic={TOPIC}") == told
    assert ids("kind=SECOND") == ids("topic=elsewhere") == []


def test_inbox_actions(as_ann: Client, told: list[str]) -> None:
    """Reading, unreading, reading up to an id and deleting return the new head."""
    assert post(as_ann, "notifications/3/read") == (200, {"seq": 4, "unread": 2})
    assert post(as_ann, "notifications/3/unread") == (200, {"seq": 5, "unread": 3})
    assert post(as_ann, "notifications/read", {"through": 2}) == (200, {"seq": 6, "unread": 1})
    assert as_ann.get("/api/notifications/unread-count").json() == {"unread": 1, "unseen": 1}
    assert as_ann.delete("/api/notifications/3").json() == {"seq": 7, "unread": 0}
    assert as_ann.delete("/api/notifications/3").status_code == 404


def test_seen(as_ann: Client, told: list[str]) -> None:
    """Seen notifications stay unread; the snapshot and the counts say how many are unseen."""
    assert post(as_ann, "notifications/seen", {"through": 2}) == (200, {"seq": 4, "unread": 3, "unseen": 1})
    assert as_ann.get("/api/notifications/unread-count").json() == {"unread": 3, "unseen": 1}
    assert post(as_ann, "notifications/seen") == (200, {"seq": 5, "unread": 3, "unseen": 0})
    assert post(as_ann, "notifications/seen") == (200, {"seq": 5, "unread": 3, "unseen": 0})
    snapshot = as_ann.get("/api/inbox").json()
    assert [snapshot[name] for name in ("seq", "unread", "seen", "unseen")] == [5, 3, 4, 0]
    assert not any(item["isRead"] for item in snapshot["notifications"])


def test_single_notification(as_ann: Client, told: list[str]) -> None:
    """A notification is found by its id, and an unknown or deleted one gives 404."""
    listed = {item["notificationId"]: item for item in as_ann.get("/api/notifications").json()["items"]}
    assert as_ann.get("/api/notifications/2").json() == listed["2"]
    post(as_ann, "notifications/2/read")
    assert as_ann.get("/api/notifications/2").json() == listed["2"] | {"isRead": True}
    as_ann.delete("/api/notifications/2")
    for absent in (2, 4, 99, 2**63 - 1):
        assert as_ann.get(f"/api/notifications/{absent}").status_code == 404
    assert as_ann.get("/api/notifications/0").status_code == 422


def test_single_collapsed_notification(as_ann: Client) -> None:
    """A collapsed notification is found by its first id, in its current state."""
    ann_id = as_ann.session["_auth_user_id"]
    for number in range(3):
        delivery.expand(record(ThingHappened(gathered=(ann_id,)), key=f"gathered {number}"))
    (listed,) = as_ann.get("/api/notifications").json()["items"]
    one = as_ann.get("/api/notifications/1").json()
    assert one == listed
    assert (one["notificationId"], one["seq"], one["count"]) == ("1", 3, 3)
    for of_the_same in (2, 3):  # rows of the log, and no notifications of their own
        assert as_ann.get(f"/api/notifications/{of_the_same}").status_code == 404


def test_mutes_api(as_ann: Client, told: list[str]) -> None:
    """A mute is created, listed and deleted."""
    status, muted = post(as_ann, "mutes", {"topic": TOPIC})
    assert status == 200
    assert post(as_ann, "mutes", {"topic": TOPIC})[1]["id"] == muted["id"]
    assert [mute["topic"] for mute in as_ann.get("/api/mutes").json()] == [TOPIC]
    assert as_ann.delete(f"/api/mutes/{muted['id']}").status_code == 204
    assert as_ann.delete(f"/api/mutes/{muted['id']}").status_code == 404
    assert post(as_ann, "mutes", {})[0] == 422


def test_mute_without_time_zones(as_ann: Client, settings: Any) -> None:
    """Times have their offset in a project with USE_TZ=False too."""
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Tokyo"
    _, muted = post(as_ann, "mutes", {"topic": TOPIC})
    (listed,) = as_ann.get("/api/mutes").json()
    assert muted["created_at"] == listed["created_at"]
    age = datetime.now(UTC) - datetime.fromisoformat(listed["created_at"])
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_ids_of_other_users(told: list[str], published: Frames) -> None:
    """The notifications of another user give 404, and no frame is sent."""
    other = Client()
    other.force_login(UserFactory.create())
    assert post(other, "notifications/1/read")[0] == post(other, "notifications/1/unread")[0] == 404
    assert other.delete("/api/notifications/1").status_code == other.get("/api/notifications/1").status_code == 404
    assert other.get("/api/inbox").json()["notifications"] == []
    assert published() == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=201", "limit=1e9", "limit=", "before=-1", "before=9223372036854775808",
     "is_read=perhaps", "kind=%00", "topic=" + "x" * 201],
)  # fmt: skip
def test_malformed_query(as_ann: Client, query: str) -> None:
    """A malformed query gives 422 with the reason."""
    response = as_ann.get(f"/api/notifications?{query}")
    assert response.status_code == 422
    assert response.json()["detail"]


@pytest.mark.parametrize("number", ["0", "-1", "one", "9223372036854775808", "1.5"])
def test_malformed_id(as_ann: Client, number: str) -> None:
    """A malformed id gives 422."""
    assert post(as_ann, f"notifications/{number}/read")[0] == 422


@pytest.mark.parametrize("body", ['{"through": -1}', '{"through": "all"}', '{"nonsense": 1}', "{", "[]", '"x"'])
def test_malformed_body(as_ann: Client, body: str) -> None:
    """A malformed body gives 400 or 422 with the reason."""
    status, answer = post(as_ann, "notifications/read", body)
    assert status in (400, 422)
    assert answer["detail"]


def test_unauthenticated_request(told: list[str]) -> None:
    """A request without a session or token gives 401."""
    stranger = Client()
    for path in ("inbox", "notifications", "notifications/unread-count", "mutes"):
        assert stranger.get(f"/api/{path}").status_code == 401
    assert stranger.post("/api/token").status_code == 401


def test_session_needs_csrf_token(ann: User, told: list[str]) -> None:
    """A change by session without the CSRF token gives 403."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    assert client.post("/api/notifications/1/read").status_code == 403


def test_bearer_token(ann: User, told: list[str]) -> None:
    """A bearer token gives the same access as a session, until its user is deactivated."""
    text, _ = mint(ann.pk, get_settings())
    client = Client(enforce_csrf_checks=True, headers={"authorization": f"Bearer {text}"})
    assert client.get("/api/inbox").json()["seq"] == 3
    assert client.post("/api/notifications/1/read").status_code == 200
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert client.get("/api/inbox").status_code == 401


def test_socket_token(ann: User, as_ann: Client) -> None:
    """A socket token names the user of the session and cannot be exchanged for a new token."""
    status, answer = post(as_ann, "token")
    assert status == 200
    assert verify(answer["token"], get_settings()).user_id == key_of(ann.pk)
    bearer = Client(headers={"authorization": f"Bearer {answer['token']}"})
    assert bearer.post("/api/token").status_code == 401


def test_socket_ticket(as_ann: Client, ann: User, valkey: str) -> None:
    """A socket ticket is issued to a session only."""
    status, answer = post(as_ann, "socket-ticket")
    assert (status, answer["expires_in_seconds"]) == (200, 30)
    assert answer["ticket"].startswith("ticket-")
    assert Client().post("/api/socket-ticket").status_code == 401


def test_log_out_everywhere(as_ann: Client, ann: User, valkey: str) -> None:
    """Logging out everywhere revokes earlier tokens and accepts later ones."""
    before, _ = mint(ann.pk, get_settings())
    assert as_ann.post("/api/log-out-everywhere").status_code == 204
    assert Client(headers={"authorization": f"Bearer {before}"}).get("/api/inbox").status_code == 401
    after, _ = mint(ann.pk, get_settings())
    assert Client(headers={"authorization": f"Bearer {after}"}).get("/api/inbox").status_code == 200


def test_health_while_draining(client: Client, db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The health endpoint gives 503 while the web process drains."""
    file = tmp_path / "draining"
    known = get_settings().model_copy(update={"drain_file": str(file)})
    monkeypatch.setattr("clarion.pipeline.api.health.get_settings", lambda: known)
    assert client.get("/api/health").status_code == 200
    file.touch()
    assert client.get("/api/health").status_code == 503


def test_public_endpoints(client: Client, db: None) -> None:
    """The health endpoint and the OpenAPI document need no login."""
    assert client.get("/api/health").json() == {"status": "ok"}
    assert "/api/notifications/read" in client.get("/api/openapi.json").json()["paths"]
    assert client.get("/api/docs").status_code == 200


def test_metrics_are_for_staff(as_ann: Client) -> None:
    """The metrics need a session of staff."""
    assert as_ann.get("/api/metrics").status_code == 403
    staff = Client()
    staff.force_login(UserFactory.create(is_staff=True))
    assert b"clarion_events_recorded_total" in staff.get("/api/metrics").content


def test_openapi_document_without_repeated_keys(client: Client) -> None:
    """No object of the OpenAPI document has a key twice, which readers of YAML refuse."""

    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(pairs) == len(dict(pairs)), [name for name, _ in pairs]
        return dict(pairs)

    json.loads(client.get("/api/openapi.json").content, object_pairs_hook=checked)
