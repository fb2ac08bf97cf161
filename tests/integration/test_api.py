"""The HTTP API: access to the caller's own inbox only, and a clear answer to each request."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from clarion.pipeline import delivery
from clarion.pipeline.outbox.recording import record
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


def test_the_snapshot_is_the_newest_with_the_head(as_ann: Client, told: list[str]) -> None:
    snapshot = as_ann.get("/api/inbox").json()
    assert (snapshot["epoch"], snapshot["seq"], snapshot["unread"]) == ("0", 3, 3)
    assert [item["notificationId"] for item in snapshot["notifications"]] == told
    assert snapshot["user_id"] == as_ann.session["_auth_user_id"]  # so that a page notices that it is another user's


def test_an_inbox_that_was_never_used_is_empty(as_ann: Client) -> None:
    snapshot = as_ann.get("/api/inbox").json()
    assert snapshot == {"user_id": snapshot["user_id"], "epoch": "0", "seq": 0, "unread": 0, "notifications": []}
    assert post(as_ann, "notifications/read") == (200, {"seq": 0, "unread": 0})


def test_the_list_has_pages(as_ann: Client, told: list[str]) -> None:
    first = as_ann.get("/api/notifications?limit=2").json()
    assert ([item["notificationId"] for item in first["items"]], first["next"]) == (["3", "2"], "2")
    second = as_ann.get(f"/api/notifications?limit=2&before={first['next']}").json()
    assert ([item["notificationId"] for item in second["items"]], second["next"]) == (["1"], None)


def test_the_list_is_filtered(as_ann: Client, told: list[str]) -> None:
    post(as_ann, "notifications/2/read")

    def ids(query: str) -> list[str]:
        return [item["notificationId"] for item in as_ann.get(f"/api/notifications?{query}").json()["items"]]

    assert ids("is_read=true") == ["2"]
    assert ids("is_read=false") == ["3", "1"]
    assert ids("kind=FIRST") == ids(f"topic={TOPIC}") == told
    assert ids("kind=SECOND") == ids("topic=elsewhere") == []


def test_read_unread_all_and_delete(as_ann: Client, told: list[str]) -> None:
    assert post(as_ann, "notifications/3/read") == (200, {"seq": 4, "unread": 2})
    assert post(as_ann, "notifications/3/unread") == (200, {"seq": 5, "unread": 3})
    assert post(as_ann, "notifications/read", {"through": 2}) == (200, {"seq": 6, "unread": 1})
    assert as_ann.get("/api/notifications/unread-count").json() == {"unread": 1}
    assert as_ann.delete("/api/notifications/3").json() == {"seq": 7, "unread": 0}
    assert as_ann.delete("/api/notifications/3").status_code == 404


def test_one_notification_is_read_by_its_id(as_ann: Client, told: list[str]) -> None:
    listed = {item["notificationId"]: item for item in as_ann.get("/api/notifications").json()["items"]}
    assert as_ann.get("/api/notifications/2").json() == listed["2"]
    post(as_ann, "notifications/2/read")
    assert as_ann.get("/api/notifications/2").json() == listed["2"] | {"isRead": True}
    as_ann.delete("/api/notifications/2")
    for absent in (2, 4, 99, 2**63 - 1):
        assert as_ann.get(f"/api/notifications/{absent}").status_code == 404
    assert as_ann.get("/api/notifications/0").status_code == 422


def test_one_that_collapsed_is_read_as_it_is_shown_now(as_ann: Client) -> None:
    ann_id = int(as_ann.session["_auth_user_id"])
    for number in range(3):
        delivery.expand(record(ThingHappened(gathered=(ann_id,)), key=f"gathered {number}"))
    (listed,) = as_ann.get("/api/notifications").json()["items"]
    one = as_ann.get("/api/notifications/1").json()
    assert one == listed
    assert (one["notificationId"], one["seq"], one["count"]) == ("1", 3, 3)
    for of_the_same in (2, 3):  # rows of the log, and no notifications of their own
        assert as_ann.get(f"/api/notifications/{of_the_same}").status_code == 404


def test_mutes_come_and_go(as_ann: Client, told: list[str]) -> None:
    status, muted = post(as_ann, "mutes", {"topic": TOPIC})
    assert status == 200
    assert post(as_ann, "mutes", {"topic": TOPIC})[1]["id"] == muted["id"]
    assert [mute["topic"] for mute in as_ann.get("/api/mutes").json()] == [TOPIC]
    assert as_ann.delete(f"/api/mutes/{muted['id']}").status_code == 204
    assert as_ann.delete(f"/api/mutes/{muted['id']}").status_code == 404
    assert post(as_ann, "mutes", {})[0] == 422


def test_ids_of_others_are_not_found(told: list[str], published: Frames) -> None:
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
def test_an_absurd_query_is_answered_with_what_is_wrong(as_ann: Client, query: str) -> None:
    response = as_ann.get(f"/api/notifications?{query}")
    assert response.status_code == 422
    assert response.json()["detail"]


@pytest.mark.parametrize("number", ["0", "-1", "one", "9223372036854775808", "1.5"])
def test_an_absurd_id_is_answered_with_what_is_wrong(as_ann: Client, number: str) -> None:
    assert post(as_ann, f"notifications/{number}/read")[0] == 422


@pytest.mark.parametrize("body", ['{"through": -1}', '{"through": "all"}', '{"nonsense": 1}', "{", "[]", '"x"'])
def test_an_absurd_body_is_answered_with_what_is_wrong(as_ann: Client, body: str) -> None:
    status, answer = post(as_ann, "notifications/read", body)
    assert status in (400, 422)
    assert answer["detail"]


def test_without_a_session_or_token_nothing_is_answered(told: list[str]) -> None:
    stranger = Client()
    for path in ("inbox", "notifications", "notifications/unread-count", "mutes"):
        assert stranger.get(f"/api/{path}").status_code == 401
    assert stranger.post("/api/token").status_code == 401


def test_a_change_by_session_needs_the_csrf_token(ann: User, told: list[str]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    assert client.post("/api/notifications/1/read").status_code == 403


def test_a_bearer_token_is_as_good_as_a_session(ann: User, told: list[str]) -> None:
    text, _ = mint(ann.pk, get_settings())
    client = Client(enforce_csrf_checks=True, headers={"authorization": f"Bearer {text}"})
    assert client.get("/api/inbox").json()["seq"] == 3
    assert client.post("/api/notifications/1/read").status_code == 200
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert client.get("/api/inbox").status_code == 401


def test_the_socket_token_names_the_sessions_user_and_cannot_prolong_itself(ann: User, as_ann: Client) -> None:
    status, answer = post(as_ann, "token")
    assert status == 200
    assert verify(answer["token"], get_settings()).user_id == ann.pk
    bearer = Client(headers={"authorization": f"Bearer {answer['token']}"})
    assert bearer.post("/api/token").status_code == 401


def test_a_ticket_is_for_the_sessions_user_and_sessions_only(as_ann: Client, ann: User, valkey: str) -> None:
    status, answer = post(as_ann, "socket-ticket")
    assert (status, answer["expires_in_seconds"]) == (200, 30)
    assert answer["ticket"].startswith("ticket-")
    assert Client().post("/api/socket-ticket").status_code == 401


def test_logging_out_everywhere_refuses_the_tokens_before(as_ann: Client, ann: User, valkey: str) -> None:
    before, _ = mint(ann.pk, get_settings())
    assert as_ann.post("/api/log-out-everywhere").status_code == 204
    assert Client(headers={"authorization": f"Bearer {before}"}).get("/api/inbox").status_code == 401
    after, _ = mint(ann.pk, get_settings())
    assert Client(headers={"authorization": f"Bearer {after}"}).get("/api/inbox").status_code == 200


def test_a_web_that_is_about_to_end_says_that_it_is_not_well(
    client: Client, db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "draining"
    known = get_settings().model_copy(update={"drain_file": str(file)})
    monkeypatch.setattr("clarion.pipeline.api.health.get_settings", lambda: known)
    assert client.get("/api/health").status_code == 200
    file.touch()
    assert client.get("/api/health").status_code == 503


def test_health_and_the_openapi_document_are_open(client: Client, db: None) -> None:
    assert client.get("/api/health").json() == {"status": "ok"}
    assert "/api/notifications/read" in client.get("/api/openapi.json").json()["paths"]
    assert client.get("/api/docs").status_code == 200


def test_metrics_are_for_staff(as_ann: Client) -> None:
    assert as_ann.get("/api/metrics").status_code == 403
    staff = Client()
    staff.force_login(UserFactory.create(is_staff=True))
    assert b"clarion_events_recorded_total" in staff.get("/api/metrics").content
