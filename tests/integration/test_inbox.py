"""What a user does with their inbox: one row and one frame an action, and a snapshot that frames continue."""

import uuid
from typing import Any

import hypothesis.strategies as st
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings

from clarion.pipeline import delivery
from clarion.pipeline.inbox import changes, reading
from clarion.pipeline.inbox.changes import NoSuchNotification
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Change, Inbox, Notification
from tests.factories import UserFactory
from tests.integration.conftest import Frames
from tests.integration.things import TOPIC, ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)


def tell(user: User, count: int = 1, *, kind: str = "first") -> None:
    for _ in range(count):
        event = ThingHappened.model_validate({kind: [user.pk]})
        delivery.expand(record(event, key=str(uuid.uuid4()), actor_id=0))


@pytest.fixture
def ann(db: None) -> User:
    return UserFactory.create()


def last(published: Frames) -> dict[str, Any]:
    return published()[-1][1]


def test_reading_one_takes_the_next_seq_and_says_so(ann: User, published: Frames) -> None:
    tell(ann, 2)
    assert changes.mark_read(ann.pk, 1, read=True) == changes.Head(seq=3, unread=1)
    frame = last(published)
    assert (frame["type"], frame["seq"], frame["unread"]) == ("NOTIFICATION_UPDATED", 3, 1)
    assert (frame["notificationId"], frame["isRead"]) == ("1", True)
    assert changes.mark_read(ann.pk, 1, read=False) == changes.Head(seq=4, unread=2)
    assert last(published)["isRead"] is False


def test_what_changes_nothing_takes_no_seq_and_sends_nothing(ann: User, published: Frames) -> None:
    tell(ann)
    changes.mark_read(ann.pk, 1, read=True)
    changes.read_through(ann.pk)
    count = len(published())
    head = changes.Head(seq=2, unread=0)
    assert changes.mark_read(ann.pk, 1, read=True) == changes.read_through(ann.pk) == head
    assert (count, published()) == (2, [])


def test_deleting_lowers_the_count_only_of_what_was_unread(ann: User, published: Frames) -> None:
    tell(ann, 2)
    changes.mark_read(ann.pk, 1, read=True)
    assert changes.delete(ann.pk, 1) == changes.Head(seq=4, unread=1)
    assert changes.delete(ann.pk, 2) == changes.Head(seq=5, unread=0)
    frame = last(published)
    assert (frame["type"], frame["notificationId"]) == ("NOTIFICATION_DELETED", "2")
    with pytest.raises(NoSuchNotification):
        changes.delete(ann.pk, 2)
    with pytest.raises(NoSuchNotification):
        changes.mark_read(ann.pk, 2, read=True)


def test_nobody_reaches_anothers_notification(ann: User) -> None:
    tell(ann)
    ben = UserFactory.create()
    for action in (lambda: changes.mark_read(ben.pk, 1, read=True), lambda: changes.delete(ben.pk, 1)):
        with pytest.raises(NoSuchNotification):
            action()
    tell(ben)
    changes.delete(ben.pk, 1)
    assert Notification.objects.get(recipient_id=ann.pk).deleted_at is None


@pytest.mark.parametrize(
    "which, left",
    [
        ({}, 0),
        ({"through": 2}, 4),
        ({"through": 10**9}, 0),
        ({"kind": "FIRST"}, 3),
        ({"kind": "FIRST", "through": 2}, 4),
        ({"topic": TOPIC}, 0),
        ({"topic": "tests.place:2"}, 6),
        ({"topic": TOPIC, "kind": "SECOND"}, 3),
    ],
)
def test_reading_all_by_seq_kind_and_topic(ann: User, which: dict[str, Any], left: int) -> None:
    tell(ann, 3)
    tell(ann, 3, kind="second")
    assert changes.read_through(ann.pk, **which).unread == left
    assert Notification.objects.filter(recipient_id=ann.pk, read_at=None).count() == left


@pytest.mark.parametrize("count", [2, 500])
def test_reading_all_is_one_frame_and_as_many_statements_whatever_the_number(
    ann: User, published: Frames, count: int
) -> None:
    tell(ann)
    Notification.objects.bulk_create(
        Notification(recipient_id=ann.pk, seq=seq, announcement_id=1, event_id=-seq, created_at="2026-01-01T00:00Z")
        for seq in range(2, count + 1)
    )
    Inbox.objects.filter(user_id=ann.pk).update(seq=count, unread=count)
    published()
    with CaptureQueriesContext(connection) as queries:
        assert changes.read_through(ann.pk) == changes.Head(seq=count + 1, unread=0)
    assert len([query for query in queries if not query["sql"].startswith(("BEGIN", "COMMIT"))]) == 3
    assert [frame["type"] for _, frame in published()] == ["NOTIFICATIONS_READ"]


#: Notifications of many users, so that the planner expects a few of each, and then many of one, two rows each.
_OF_MANY = """
INSERT INTO clarion_notification (recipient_id, seq, announcement_id, event_id, created_at)
SELECT -n, 1, 0, -n, now() FROM generate_series(1, 2000) n
"""
_OF_ONE = """
INSERT INTO clarion_notification (recipient_id, seq, announcement_id, event_id, created_at, first, replaced_by)
SELECT %(user)s, n, 0, -n, now(), CASE WHEN n %% 2 = 0 THEN n - 1 END, CASE WHEN n %% 2 = 1 THEN n + 1 END
  FROM generate_series(1, %(rows)s) n
"""


def test_reading_a_large_inbox_takes_linear_time_with_old_statistics(ann: User, published: Frames) -> None:
    """A nested join of the rows that are read with all rows of the user would take a minute."""
    rows = 40_000
    with connection.cursor() as cursor:
        cursor.execute(_OF_MANY)
        cursor.execute("ANALYZE clarion_notification")
        cursor.execute(_OF_ONE, {"user": ann.pk, "rows": rows})
        Inbox.objects.create(user_id=ann.pk, seq=rows, unread=rows // 2)
        cursor.execute("SET statement_timeout = '10s'")
        try:
            assert changes.read_through(ann.pk) == changes.Head(seq=rows + 1, unread=0)
        finally:
            cursor.execute("RESET statement_timeout")
    assert not Notification.objects.filter(recipient_id=ann.pk, read_at=None).exists()


def test_every_seq_is_exactly_one_row(ann: User) -> None:
    tell(ann, 3)
    changes.mark_read(ann.pk, 2, read=True)
    changes.delete(ann.pk, 1)
    tell(ann)
    changes.read_through(ann.pk)
    rows = [*Notification.objects.values_list("seq", flat=True), *Change.objects.values_list("seq", flat=True)]
    assert sorted(rows) == list(range(1, 8))


def apply(state: dict[str, Any], frame: dict[str, Any]) -> None:
    """What a client does with a frame, as docs/protocol.md says."""
    state["seq"], state["unread"] = frame["seq"], frame["unread"]
    items = state["notifications"]
    content = {key: value for key, value in frame.items() if key not in ("type", "unread", "quiet", "modified")}
    match frame["type"]:
        case "NOTIFICATION_CREATED":
            items[frame["notificationId"]] = content
        case "NOTIFICATION_UPDATED" if "notificationType" in frame:
            items[frame["notificationId"]] = content
        case "NOTIFICATION_UPDATED":
            items[frame["notificationId"]]["isRead"] = frame["isRead"]
        case "NOTIFICATION_DELETED":
            del items[frame["notificationId"]]
        case "NOTIFICATIONS_READ":
            for item in items.values():
                if (
                    item["seq"] <= frame["through"]
                    and frame["topic"] in (None, item["topic"])
                    and frame["notificationType"] in (None, item["notificationType"])
                ):
                    item["isRead"] = True


def snapshot(user: User) -> dict[str, Any]:
    page = reading.newest(user.pk, limit=200)
    notifications = {item["notificationId"]: item for item in page.notifications}
    return {"seq": page.head.seq, "unread": page.head.unread, "notifications": notifications}


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.sampled_from(["first", "second", "gathered"])),
        st.tuples(st.sampled_from(["read", "unread", "delete"]), st.integers(1, 12)),
        st.tuples(st.just("all"), st.fixed_dictionaries({}, optional={
            "through": st.integers(0, 20), "kind": st.sampled_from(["FIRST", "GATHERED"]), "topic": st.just(TOPIC),
        })),
    ),
    min_size=1, max_size=15,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ACTIONS, after=ACTIONS)
def test_a_snapshot_and_the_frames_after_it_make_a_fresh_snapshot(
    published: Frames, before: list[Any], after: list[Any]
) -> None:
    user = UserFactory.create()

    def act(action: str, what: Any) -> None:
        try:
            match action:
                case "tell":
                    tell(user, kind=what)
                case "read" | "unread":
                    changes.mark_read(user.pk, what, read=action == "read")
                case "delete":
                    changes.delete(user.pk, what)
                case "all":
                    changes.read_through(user.pk, **what)
        except NoSuchNotification:
            pass

    for action in before:
        act(*action)
    published()
    state = snapshot(user)
    for action in after:
        act(*action)
    frames = [frame for _, frame in published()]
    assert [frame["seq"] for frame in frames] == list(range(state["seq"] + 1, state["seq"] + 1 + len(frames)))
    for frame in frames:
        apply(state, frame)
    assert state == snapshot(user)
    unread = [item for item in state["notifications"].values() if not item["isRead"]]
    assert state["unread"] == len(unread)
