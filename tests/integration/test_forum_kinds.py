"""Every kind: the action in the forum, its recipients, and its data."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers

from clarion.pipeline.events import parse
from clarion.pipeline.inbox.mutes import mute
from clarion.pipeline.kinds import Limit, Over, kind_of
from clarion.pipeline.outbox.models import Event
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Notification
from clarion.testing import Delivered, Received, assert_notified, deliver
from examples.forum import badges
from examples.forum.models import Acceptance, Award, Document, Job, Message, ModerationAction, Thread, Vote
from tests.factories import UserFactory
from tests.integration.forum import TEXT, Forum, forum_with_people

pytestmark = pytest.mark.django_db

GOLDEN: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "contracts" / "golden" / "kinds.json").read_text()
)


@dataclass(frozen=True)
class Deed:
    """An action, the recipients of the kind, and the row of its event."""

    does: Callable[[Forum], object]
    told: set[str]
    actor: str | None
    subject: type[Any] = Thread


def moderated(*actions: str, told: set[str]) -> Deed:
    return Deed(lambda forum: forum.moderates(forum.thread, *actions), told, "mia")


def moderated_message(*actions: str) -> Deed:
    return Deed(lambda forum: forum.moderates(forum.answer, *actions), {"ben"}, "mia")


def replies(by: str, body: str, **fields: Any) -> Callable[[Forum], object]:
    return lambda forum: forum.post(by, f"/threads/{forum.thread.pk}/", body=body, **fields)


def exports(forum: Forum) -> None:
    forum.post("cleo", f"/threads/{forum.thread.pk}/export/")
    forum.works()


def publicizes(forum: Forum) -> None:
    forum.post("dan", f"/documents/{forum.add_document(TEXT).pk}/publicize/")


def works_on(text: str, job: str, **fields: str) -> Callable[[Forum], object]:
    """Cleo has something done with a document of ann."""

    def does(forum: Forum) -> None:
        document = forum.add_document(text)
        forum.post("cleo", f"/documents/{document.pk}/{job}/", **fields)
        forum.works()

    return does


ALL = {"ann", "ben", "cleo"}
DEEDS = {
    "MENTION": Deed(replies("cleo", "Look, @Ben"), {"ben"}, "cleo"),
    "REPLY": Deed(
        lambda forum: forum.post("cleo", f"/threads/{forum.thread.pk}/", body="So.", parent=forum.answer.pk),
        {"ben"},
        "cleo",
    ),
    "THREAD_REPLY": Deed(replies("dan", "Hello."), ALL, "dan"),
    "VOTE": Deed(lambda forum: forum.post("cleo", f"/messages/{forum.answer.pk}/vote/"), {"ben"}, "cleo"),
    "ACCEPTED": Deed(lambda forum: forum.post("ann", f"/messages/{forum.answer.pk}/accept/"), {"ben"}, "ann"),
    "BADGE": Deed(lambda forum: forum.post("mia", "/people/ben/award/", badge="good-host"), {"ben"}, "mia", Award),
    "THREAD_LOCKED": moderated("lock", told=ALL),
    "THREAD_UNLOCKED": moderated("lock", "unlock", told=ALL),
    "THREAD_PINNED": moderated("pin", told={"ann"}),
    "THREAD_UNPINNED": moderated("pin", "unpin", told={"ann"}),
    "THREAD_DELETED": moderated("delete", told=ALL),
    "THREAD_RESTORED": moderated("delete", "restore", told=ALL),
    "MESSAGE_DELETED": moderated_message("delete"),
    "MESSAGE_RESTORED": moderated_message("delete", "restore"),
    "DOCUMENT_PROCESSED": Deed(lambda forum: forum.add_document(TEXT), {"ann", "dan", "eva"}, None, Document),
    "DOCUMENT_PROCESSING_FAILED": Deed(lambda forum: forum.add_document("..."), {"ann", "dan", "eva"}, None, Document),
    "DOCUMENT_PUBLICIZED": Deed(publicizes, {"ann", "eva"}, "dan", Document),
    "EXTRACT_COMPLETE": Deed(works_on(TEXT, "extract", what="headings"), {"cleo"}, None, Document),
    "ANALYSIS_COMPLETE": Deed(works_on(TEXT, "analyse"), {"cleo"}, None, Document),
    "ANALYSIS_FAILED": Deed(works_on("to be or not to be", "analyse"), {"cleo"}, None, Document),
    "EXPORT_COMPLETE": Deed(exports, {"cleo"}, None),
}


@pytest.fixture
def forum(db: None) -> Forum:
    return forum_with_people()


@pytest.fixture
def delivered(forum: Forum) -> Iterator[Delivered]:
    with deliver() as delivered:
        yield delivered


def of_kind(delivered: Delivered, kind: str) -> list[Received]:
    return [one for one in delivered if one.kind == kind]


def names(notifications: list[Received]) -> list[str]:
    people = dict(User.objects.values_list("pk", "username"))
    return sorted(people[int(notification.user_id)] for notification in notifications)


def test_every_kind_tested() -> None:
    """Every golden kind has a test action."""
    assert set(DEEDS) == set(GOLDEN)


@pytest.mark.parametrize("kind", DEEDS)
def test_kind_recipients_and_data(forum: Forum, delivered: Delivered, kind: str) -> None:
    """The action of a kind notifies its recipients with the golden fields."""
    deed = DEEDS[kind]
    deed.does(forum)
    told = of_kind(delivered, kind)
    assert names(told) == sorted(deed.told)
    one, data = told[0], told[0].data
    assert one.actor_id == (forum.people[deed.actor].pk if deed.actor else None)
    assert set(data) == set(GOLDEN[kind]["data"])
    status, _ = forum.get(min(deed.told), data["url"])
    assert status == (410 if kind == "THREAD_DELETED" else 302 if "/messages/" in data["url"] else 200)
    assert one.topic
    if "thread_id" in data:
        assert one.conversation_id == data["thread_id"] == str(forum.thread.pk)


@pytest.mark.parametrize("kind", DEEDS)
def test_deleted_subject(forum: Forum, delivered: Delivered, kind: str) -> None:
    """An event whose row was deleted notifies no user."""
    deed = DEEDS[kind]
    deed.does(forum)
    deed.subject.objects.all().delete()
    assert of_kind(delivered, kind) == []
    assert not Event.objects.exclude(state="done").exists()


@pytest.mark.parametrize("kind", [kind for kind, deed in DEEDS.items() if deed.actor])
def test_actor_never_notified(forum: Forum, delivered: Delivered, kind: str) -> None:
    """The actor is not notified, even as the author of the thread and all messages."""
    deed = DEEDS[kind]
    Thread.objects.update(author=forum.people[str(deed.actor)])
    Message.objects.update(author=forum.people[str(deed.actor)])
    deed.does(forum)
    assert str(deed.actor) not in names(of_kind(delivered, kind))


def test_fixtures_record_no_events(forum: Forum) -> None:
    """Rows loaded from fixtures record no events."""
    for deed in DEEDS.values():
        deed.does(forum)
    rows = [
        row
        for model in (Message, Vote, Acceptance, Award, ModerationAction, Document, *Job.__subclasses__())
        for row in serializers.serialize("python", model.objects.all())  # type: ignore[attr-defined]
    ]
    assert len({row["model"] for row in rows}) == 9
    Event.objects.all().delete()
    for row in serializers.deserialize("python", rows):
        row.save()
    assert not Event.objects.exists()


def test_saved_again(forum: Forum) -> None:
    """Saving a row again records no event."""
    document = forum.add_document()
    forum.moderates(forum.thread, "lock")
    there = Event.objects.count()
    for row in (document, ModerationAction.objects.get(), forum.answer):
        row.save()
    assert Event.objects.count() == there


def test_lock_unlock_lock(forum: Forum, delivered: Delivered) -> None:
    """Each of several lock and unlock actions on a thread notifies."""
    forum.moderates(forum.thread, "lock", "unlock", "lock")
    assert len(of_kind(delivered, "THREAD_LOCKED")) == 2 * len(ALL)
    assert len(of_kind(delivered, "THREAD_UNLOCKED")) == len(ALL)
    assert Event.objects.values("key").distinct().count() == 3


def test_repeated_moderation(forum: Forum) -> None:
    """A moderation action that changes nothing records no event."""
    forum.moderates(forum.thread, "lock", "lock", "restore")
    forum.moderates(forum.answer, "restore")
    assert ModerationAction.objects.count() == Event.objects.count() == 1


def test_withdrawn_vote(forum: Forum, delivered: Delivered) -> None:
    """A withdrawn vote does not notify, and a new one does."""
    for _ in range(3):
        forum.post("cleo", f"/messages/{forum.answer.pk}/vote/")
        delivered.run()
    assert (Vote.objects.count(), len(of_kind(delivered, "VOTE"))) == (1, 2)
    forum.post("dan", f"/messages/{forum.answer.pk}/vote/")
    forum.post("dan", f"/messages/{forum.answer.pk}/vote/")
    assert len(of_kind(delivered, "VOTE")) == 2


def test_votes_collapse(forum: Forum, delivered: Delivered) -> None:
    """Votes in a thread collapse into one notification while it is unread."""
    for name in ("ann", "cleo", "dan"):
        forum.post(name, f"/messages/{forum.answer.pk}/vote/")
    delivered.run()
    (shown,) = Notification.objects.filter(announcement__kind="VOTE", replaced_by=None)
    assert (shown.count, shown.actor_count) == (3, 3)
    assert [actor["username"] for actor in shown.actors] == ["dan", "cleo", "ann"]


def test_mention_in_muted_thread(forum: Forum, delivered: Delivered) -> None:
    """In a muted thread a user is notified of a mention, and of no other message."""
    ben = User.objects.get(username="ben")
    mute(ben.pk, kind=None, topic=forum.thread.topic)
    forum.post("cleo", f"/threads/{forum.thread.pk}/", body="Hello.")
    forum.post("cleo", f"/threads/{forum.thread.pk}/", body="Look, @ben")
    assert [one.kind for one in delivered if str(one.user_id) == str(ben.pk)] == ["MENTION"]


def test_kind_rules() -> None:
    """The kinds of the forum have the expected collapse rules and limits."""
    assert [kind for kind in DEEDS if kind_of(kind).collapses] == ["THREAD_REPLY", "VOTE"]
    assert kind_of("MENTION").limit == Limit(events=20, seconds=60, over=Over.DROP)
    assert kind_of("VOTE").limit == Limit(events=30, seconds=60, over=Over.DEFER)


def test_deleted_before_delivery(forum: Forum, delivered: Delivered) -> None:
    """Events of a thread that was deleted before their delivery notify no user, and badges stay earned."""
    forum.post("cleo", f"/messages/{forum.answer.pk}/vote/")
    forum.post("ann", f"/messages/{forum.answer.pk}/accept/")
    forum.post("dan", f"/threads/{forum.thread.pk}/", body="@ben")
    Thread.objects.update(deleted_at="2030-01-01T00:00:00Z")
    assert {one.kind for one in delivered} == {"BADGE"}


def test_moderation_reason(forum: Forum, delivered: Delivered) -> None:
    """A moderation notification contains the reason and the moderator."""
    forum.post("mia", f"/messages/{forum.answer.pk}/moderate/", action="delete", reason=" Off  topic. ")
    data = {"reason": "Off  topic.", "moderator": "mia", "excerpt": "Rye."}
    assert_notified(delivered, forum.people["ben"], "MESSAGE_DELETED", data=data)
    (told,) = of_kind(delivered, "MESSAGE_DELETED")
    assert (told.message_id, told.actor_id) == (str(forum.answer.pk), forum.people["mia"].pk)


def test_notice_to_thread_participants(forum: Forum, delivered: Delivered) -> None:
    """A service's notice can address the participants of a thread."""
    for thread in (forum.thread.pk, 10**9):
        notice = parse(
            "clarion.notice.given.v1",
            {"kind": "MAINTENANCE", "audience": "forum.thread.participants", "parameters": {"thread_id": thread}},
        )
        record(notice, key=f"notice:{thread}")
    assert names(of_kind(delivered, "MAINTENANCE")) == sorted(ALL)


# Badges


def test_badge_for_first_reply(forum: Forum, delivered: Delivered) -> None:
    """The first reply earns a badge, once."""
    for _ in range(2):
        forum.post("dan", f"/threads/{forum.thread.pk}/", body="Hello.")
    (told,) = of_kind(delivered, "BADGE")
    assert (told.user_id, told.actor_id) == (forum.people["dan"].pk, None)
    expected = {"badge": "first-reply", "automatic": True, "awarded_by": None, "url": "/people/dan/"}
    assert told.data.items() >= expected.items()


def test_badge_for_ten_votes(forum: Forum) -> None:
    """Ten votes earn a badge."""
    for number in range(badges.VOTES):
        assert not Award.objects.filter(badge="ten-votes").exists(), number
        voter = UserFactory.create()
        forum.people[voter.username] = voter
        forum.post(voter.username, f"/messages/{forum.answer.pk}/vote/")
    assert Award.objects.get().user == forum.people["ben"]


def test_badge_for_accepted_answer(forum: Forum) -> None:
    """An accepted answer earns a badge."""
    forum.post("ann", f"/messages/{forum.answer.pk}/accept/")
    assert (Award.objects.get().badge, Award.objects.get().user) == ("solver", forum.people["ben"])


def test_badge_given_by_moderator(forum: Forum, delivered: Delivered) -> None:
    """A badge given by a moderator names the moderator."""
    forum.post("mia", "/people/ben/award/", badge="helping-hand")
    assert_notified(delivered, forum.people["ben"], "BADGE", data={"automatic": False, "awarded_by": "mia"})
    assert "Helping hand" in forum.get("ann", "/people/ben/")[1]


def test_retired_badge(forum: Forum, delivered: Delivered) -> None:
    """A retired badge notifies no user."""
    Award.objects.create(user=forum.people["ben"], badge="retired")
    assert list(delivered) == []
    assert forum.get("ann", "/people/ben/")[0] == 200
