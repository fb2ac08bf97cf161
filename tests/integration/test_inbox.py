"""Actions of a user on their inbox: one row and one frame for each, and a snapshot that frames continue."""

import uuid
from importlib import import_module
from typing import Any

import hypothesis.strategies as st
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings

from clarion.pipeline import delivery
from clarion.pipeline.inbox import marking, snapshots
from clarion.pipeline.inbox.marking import NoSuchNotification
from clarion.pipeline.inbox.rekey import CannotRekey
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Change, Inbox, Notification
from tests import environment
from tests.docs.blocks import blocks_of
from tests.factories import UserFactory, inbox_of
from tests.integration.conftest import Frames
from tests.integration.inbox_faults import faults_of
from tests.integration.things import NOBODY, TOPIC, ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)


def tell(user: User, count: int = 1, *, kind: str = "first") -> None:
    for _ in range(count):
        event = ThingHappened.model_validate({kind: [user.pk]})
        delivery.expand(record(event, key=str(uuid.uuid4()), actor_id=NOBODY))


@pytest.fixture
def ann(db: None) -> User:
    return UserFactory.create()


def last(published: Frames) -> dict[str, Any]:
    return published()[-1][1]


def test_read_one(ann: User, published: Frames) -> None:
    """Reading or unreading a notification takes the next seq and sends a frame."""
    tell(ann, 2)
    assert marking.mark_read(ann.pk, 1, read=True) == marking.Head(seq=3, unread=1)
    frame = last(published)
    assert (frame["type"], frame["seq"], frame["unread"]) == ("NOTIFICATION_UPDATED", 3, 1)
    assert (frame["notificationId"], frame["isRead"]) == ("1", True)
    assert marking.mark_read(ann.pk, 1, read=False) == marking.Head(seq=4, unread=2)
    assert last(published)["isRead"] is False


def test_read_again(ann: User, published: Frames) -> None:
    """An action that changes nothing takes no seq and sends no frame."""
    tell(ann)
    marking.mark_read(ann.pk, 1, read=True)
    marking.read_through(ann.pk)
    count = len(published())
    head = marking.Head(seq=2, unread=0)
    assert marking.mark_read(ann.pk, 1, read=True) == marking.read_through(ann.pk) == head
    assert (count, published()) == (2, [])


def test_seen(ann: User, published: Frames) -> None:
    """Seeing all takes a seq and sends a frame, once; it leaves the unread count as it is."""
    assert marking.mark_seen(ann.pk) == marking.Seen(0, 0, 0)
    tell(ann, 3)
    assert marking.mark_seen(ann.pk, through=2) == marking.Seen(seq=4, unread=3, unseen=1)
    assert last(published) == {"type": "INBOX_SEEN", "seq": 4, "unread": 3, "unseen": 1, "through": 2}
    assert marking.mark_seen(ann.pk) == marking.Seen(seq=5, unread=3, unseen=0)
    assert last(published)["through"] == 4
    for through in (None, 1, 99):
        assert marking.mark_seen(ann.pk, through=through) == marking.Seen(seq=5, unread=3, unseen=0)
    assert published() == []
    tell(ann)
    assert snapshots.counts(ann.pk) == snapshots.Counts(unread=4, unseen=1)
    marking.mark_read(ann.pk, 6, read=True)
    assert snapshots.counts(ann.pk) == snapshots.Counts(unread=3, unseen=0)


def test_unseen_is_bounded(ann: User) -> None:
    """The count of unseen notifications ends at a hundred, and its query reads a bounded number of rows."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO clarion_inbox (user_id, seq, unread) VALUES (%s, 5000, 5000)", [inbox_of(ann)])
        cursor.execute(
            "INSERT INTO clarion_notification (recipient_id, seq, announcement_id, event_id, created_at)"
            " SELECT %s, seq, 1, seq, now() FROM generate_series(1, 5000) seq",
            [inbox_of(ann)],
        )
    assert snapshots.counts(ann.pk) == snapshots.Counts(unread=5000, unseen=100)
    Notification.objects.filter(recipient_id=inbox_of(ann), seq__gt=1000).update(read_at="2026-01-01T00:00:00Z")
    assert snapshots.counts(ann.pk).unseen == 0  # the unread ones lie below those that it reads


def test_delete_read_and_unread(ann: User, published: Frames) -> None:
    """Deleting an unread notification lowers the unread count, deleting a read one does not."""
    tell(ann, 2)
    marking.mark_read(ann.pk, 1, read=True)
    assert marking.delete(ann.pk, 1) == marking.Head(seq=4, unread=1)
    assert marking.delete(ann.pk, 2) == marking.Head(seq=5, unread=0)
    frame = last(published)
    assert (frame["type"], frame["notificationId"]) == ("NOTIFICATION_DELETED", "2")
    with pytest.raises(NoSuchNotification):
        marking.delete(ann.pk, 2)
    with pytest.raises(NoSuchNotification):
        marking.mark_read(ann.pk, 2, read=True)


def test_notification_of_another_user(ann: User) -> None:
    """An action on another user's notification fails and changes nothing."""
    tell(ann)
    ben = UserFactory.create()
    for action in (lambda: marking.mark_read(ben.pk, 1, read=True), lambda: marking.delete(ben.pk, 1)):
        with pytest.raises(NoSuchNotification):
            action()
    tell(ben)
    marking.delete(ben.pk, 1)
    assert Notification.objects.get(recipient_id=inbox_of(ann)).deleted_at is None


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
def test_read_all_filters(ann: User, which: dict[str, Any], left: int) -> None:
    """Reading all can be limited by seq, kind and topic."""
    tell(ann, 3)
    tell(ann, 3, kind="second")
    assert marking.read_through(ann.pk, **which).unread == left
    assert len(snapshots.newest(ann.pk, limit=10, is_read=False).notifications) == left


def test_read_all_changes_no_row(ann: User) -> None:
    """Reading all raises the floor of the inbox, and changes no notification."""
    tell(ann, 3)
    with connection.cursor() as cursor:
        before = versions(cursor)
        assert marking.read_through(ann.pk) == marking.Head(seq=4, unread=0)
        assert versions(cursor) == before
    assert [item["isRead"] for item in snapshots.newest(ann.pk, limit=10).notifications] == [True] * 3


def versions(cursor: Any) -> list[Any]:
    """The place of each row's newest version."""
    cursor.execute("SELECT seq, ctid FROM clarion_notification ORDER BY seq")
    return list(cursor.fetchall())


def test_unread_again_below_the_floor(ann: User) -> None:
    """A notification that was read with all others can be marked as unread, read and deleted by itself."""
    tell(ann, 3)
    marking.read_through(ann.pk)
    for seq in (1, 2, 3):
        assert marking.mark_read(ann.pk, seq, read=False).unread == seq
        assert marking.mark_read(ann.pk, seq, read=False).unread == seq
    assert snapshots.counts(ann.pk) == snapshots.Counts(unread=3, unseen=3)
    assert marking.mark_read(ann.pk, 1, read=True).unread == 2
    assert marking.delete(ann.pk, 2).unread == 1
    assert marking.read_through(ann.pk, through=2).unread == 1
    assert marking.read_through(ann.pk, through=3).unread == 0
    assert marking.mark_read(ann.pk, 3, read=False).unread == 1
    assert marking.read_through(ann.pk, topic=TOPIC).unread == 0
    assert faults_of(inbox_of(ann), ann.pk) == []


def test_read_floor_can_be_migrated_back(ann: User) -> None:
    """Backwards, the migration of the read floor leaves each notification read or unread as it was."""
    tell(ann, 4)
    marking.read_through(ann.pk, through=3)
    marking.mark_read(ann.pk, 2, read=False)
    migration = import_module("clarion.shared.inbox.migrations.0002_read_floor")
    with connection.cursor() as cursor:
        cursor.execute(migration.READ_BY_THEMSELVES)
    read = Notification.objects.exclude(read_at=None).order_by("seq").values_list("seq", flat=True)
    assert list(read) == [1, 3]


@pytest.mark.parametrize("count", [4, 5])
def test_read_topic_in_chunks(ann: User, published: Frames, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Reading a topic is a frame for each chunk; what the user marks as unread meanwhile is read by the next one."""
    monkeypatch.setattr(marking, "CHUNK", 2)
    tell(ann, count)
    real = marking._read_some
    chunks = 0

    def interrupted(*args: Any, **which: Any) -> marking.Head:
        nonlocal chunks
        chunks += 1
        if chunks == 2:
            assert marking.mark_read(ann.pk, 1, read=False).unread == count - 1
        return real(*args, **which)

    monkeypatch.setattr(marking, "_read_some", interrupted)
    published()
    assert marking.read_through(ann.pk, topic=TOPIC).unread == 0
    frames = [(frame["type"], frame.get("through"), frame["unread"]) for _, frame in published()]
    assert frames[:3] == [("NOTIFICATIONS_READ", 2, count - 2), ("NOTIFICATION_UPDATED", None, count - 1),
                          ("NOTIFICATIONS_READ", 4, count - 4)]  # fmt: skip
    assert frames[3:] == ([("NOTIFICATIONS_READ", 5, 0)] if count == 5 else [])
    assert faults_of(inbox_of(ann), ann.pk) == []


@pytest.mark.parametrize("count", [2, 500])
def test_read_all_cost(ann: User, published: Frames, count: int) -> None:
    """Reading all costs one frame and three statements, independent of the number."""
    tell(ann)
    Notification.objects.bulk_create(
        Notification(
            recipient_id=inbox_of(ann), seq=seq, announcement_id=1, event_id=-seq, created_at="2026-01-01T00:00Z"
        )
        for seq in range(2, count + 1)
    )
    Inbox.objects.filter(user_id=inbox_of(ann)).update(seq=count, unread=count)
    published()
    with CaptureQueriesContext(connection) as queries:
        assert marking.read_through(ann.pk) == marking.Head(seq=count + 1, unread=0)
    statements = [query for query in queries if not query["sql"].startswith(("BEGIN", "COMMIT"))]
    assert len(statements) == (4 if environment.KEY else 3)  # one for the number of the inbox
    assert [frame["type"] for _, frame in published()] == ["NOTIFICATIONS_READ"]


def test_documented_rename(ann: User) -> None:
    """The documented function gives a user another key, who keeps the inbox; with integer keys it changes nothing."""
    (block,) = blocks_of("test_documented_rename")
    namespace: dict[str, Any] = {}
    exec(block.text, namespace)  # noqa: S102 - our own document
    tell(ann, 2)
    new: Any = {"uuid": uuid.uuid4(), "text": "new"}.get(environment.KEY, 7_000_000)
    old = ann.pk
    if environment.KEY:
        namespace["rename"](ann, new)
        assert (snapshots.counts(new).unread, snapshots.counts(old).unread) == (2, 0)
    else:
        with pytest.raises(CannotRekey, match="cannot change"):
            namespace["rename"](ann, new)
        assert (snapshots.counts(old).unread, User.objects.get().pk) == (2, old)


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


def test_read_all_of_large_inbox(ann: User, published: Frames) -> None:
    """Reading a large inbox takes linear time, even with stale statistics.

    A nested join of the rows that are read with all rows of the user would take a minute.
    """
    rows = 40_000
    with connection.cursor() as cursor:
        cursor.execute(_OF_MANY)
        cursor.execute("ANALYZE clarion_notification")
        cursor.execute(_OF_ONE, {"user": inbox_of(ann), "rows": rows})
        Inbox.objects.create(user_id=inbox_of(ann), seq=rows, unread=rows // 2)
        cursor.execute("SET statement_timeout = '10s'")
        try:
            assert marking.read_through(ann.pk) == marking.Head(seq=rows + 1, unread=0)
        finally:
            cursor.execute("RESET statement_timeout")
    assert not snapshots.newest(ann.pk, limit=1, is_read=False).notifications


def test_one_row_per_seq(ann: User) -> None:
    """Every seq of an inbox belongs to exactly one row."""
    tell(ann, 3)
    marking.mark_read(ann.pk, 2, read=True)
    marking.delete(ann.pk, 1)
    tell(ann)
    marking.read_through(ann.pk)
    rows = [*Notification.objects.values_list("seq", flat=True), *Change.objects.values_list("seq", flat=True)]
    assert sorted(rows) == list(range(1, 8))


def apply(state: dict[str, Any], frame: dict[str, Any]) -> None:
    """Apply a frame as a client does, as docs/protocol.md says."""
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
    page = snapshots.newest(user.pk, limit=200)
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
def test_snapshot_plus_frames(published: Frames, before: list[Any], after: list[Any]) -> None:
    """A snapshot with the frames after it equals a new snapshot."""
    user = UserFactory.create()

    def act(action: str, what: Any) -> None:
        try:
            match action:
                case "tell":
                    tell(user, kind=what)
                case "read" | "unread":
                    marking.mark_read(user.pk, what, read=action == "read")
                case "delete":
                    marking.delete(user.pk, what)
                case "all":
                    marking.read_through(user.pk, **what)
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
