"""The frames on the wire are the golden ones, to the letter; the browser's tests read the same file."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clarion.shared import protocol
from clarion.shared.inbox.frames import frame_of
from clarion.shared.inbox.queries import LogRow
from clarion.shared.protocol import AnnouncedFrames, AuthFailure, Close, Collapsed, NotificationContent, ResyncReason

GOLDEN: dict[str, dict[str, object]] = json.loads((Path(__file__).parent / "golden" / "frames.json").read_text())

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
ANNOUNCED = NotificationContent(
    kind="MENTION",
    created_at=AT,
    data={"thread_title": 'Übung </script> \u2028 "macht" 🙂', "excerpt": "a\nb"},
    actor_id=7,
    actor_username="ann",
    topic="forum.thread:3",
    message_id="12",
    conversation_id="3",
)
COLLAPSED = Collapsed(5, 4, [{"id": "7", "username": "ann"}, {"id": "8", "username": "ben"}], 2)
BARE = NotificationContent(kind="EXPORT_COMPLETE", created_at=AT, data={})
OF_ANNOUNCED, OF_BARE = AnnouncedFrames(ANNOUNCED), AnnouncedFrames(BARE)


def row(action: str, **columns: object) -> LogRow:
    return LogRow(**({"seq": 9, "action": action, "notification": None, "through": None, "topic": None, "kind": None,
                      "created_at": AT} | columns))  # type: ignore[arg-type]  # fmt: skip


FRAMES = {
    "connected": protocol.connected(
        user_id=7, session_id="5e551011", epoch="0", seq=4, unread=2, unseen=1, heartbeat_seconds=30, resumed=True
    ),
    "created": OF_ANNOUNCED.created(5, 3) + OF_ANNOUNCED.rest,
    "created_read": OF_ANNOUNCED.created(5, 3, is_read=True) + OF_ANNOUNCED.rest,
    "created_bare": OF_BARE.created(5, 3) + OF_BARE.rest,
    "created_quiet": OF_BARE.created(5, 3, quiet=True) + OF_BARE.rest,
    "collapsed": OF_ANNOUNCED.collapsed(9, 3, COLLAPSED) + OF_ANNOUNCED.rest,
    "updated_read": frame_of(row("read", notification=5), 2),
    "updated_unread": frame_of(row("unread", notification=5), 3),
    "read_all": frame_of(row("read_through", through=8), 0),
    "read_topic": frame_of(row("read_through", through=8, topic="forum.thread:3", kind="MENTION"), 1),
    "seen": frame_of(row("seen", through=8), 3, 1),
    "deleted": frame_of(row("deleted", notification=5), 1),
    "deleted_before_it_was_seen": frame_of(row("tombstone", notification=9), 1),
    "resync": protocol.resync(epoch="0", seq=40, unread=2, unseen=1, reason=ResyncReason.BEHIND),
    "auth_ok": protocol.auth_ok(user_id=7, username="ann", refreshed=True),
    "auth_failed": protocol.auth_failed(AuthFailure.EXPIRED),
    "auth_refresh_required": protocol.auth_refresh_required(30),
    "rate_limited": protocol.rate_limited(60),
    "going_away": protocol.going_away(1.25),
    "closed": protocol.closed(Close.NO_TOKEN),
    "pong": protocol.PONG,
    "heartbeat_ack": protocol.heartbeat_ack("5e551011"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_golden_frames(name: str) -> None:
    """A frame equals its golden frame, including the order of the fields."""
    assert json.loads(FRAMES[name]) == GOLDEN[name]
    assert list(json.loads(FRAMES[name])) == list(GOLDEN[name])


def test_golden_frames_complete() -> None:
    """Every golden frame has a test."""
    assert set(GOLDEN) == set(FRAMES)


def test_replayed_creation() -> None:
    """A replayed creation is the same text as the published frame."""
    replayed = row(
        "created", seq=5, kind=ANNOUNCED.kind, topic=ANNOUNCED.topic, is_read=False, data=ANNOUNCED.data, actor_id=7,
        actor_username="ann", message_id="12", conversation_id="3",
    )  # fmt: skip
    assert frame_of(replayed, 3) == FRAMES["created"]


def test_compact_frames() -> None:
    """Frames are compact JSON whose first field is the type."""
    for text in FRAMES.values():
        assert text.startswith('{"type":"')
        assert text == protocol.dumps(json.loads(text))
