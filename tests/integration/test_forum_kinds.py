"""Every kind: the action in the forum, its recipients, and its data."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers

from clarion.pipeline.events import parse
from clarion.pipeline.kinds import Limit, Over, kind_of
from clarion.pipeline.outbox.models import Event
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Notification
from examples.forum import badges
from examples.forum.models import Acceptance, Award, Document, Job, Message, ModerationAction, Thread, Vote
from tests.factories import UserFactory
from tests.integration.forum import TEXT, Forum, forum_with_people, told_of_all

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


def told_as(kind: str) -> list[Notification]:
    found = Notification.objects.filter(announcement__kind=kind).select_related("announcement")
    return list(found.order_by("recipient_id", "seq"))


def names(notifications: list[Notification]) -> list[str]:
    people = dict(User.objects.values_list("pk", "username"))
    return sorted(people[notification.recipient_id] for notification in notifications)


def test_every_kind_has_a_deed_and_is_golden() -> None:
    assert set(DEEDS) == set(GOLDEN)


@pytest.mark.parametrize("kind", DEEDS)
def test_who_is_told_as_what_with_which_data(forum: Forum, kind: str) -> None:
    deed = DEEDS[kind]
    deed.does(forum)
    told_of_all()
    told = told_as(kind)
    assert names(told) == sorted(deed.told)
    announcement = told[0].announcement
    assert announcement.actor_username == deed.actor
    assert set(announcement.data) == set(GOLDEN[kind]["data"])
    status, _ = forum.get(min(deed.told), announcement.data["url"])
    assert status == (410 if kind == "THREAD_DELETED" else 302 if "/messages/" in announcement.data["url"] else 200)
    assert announcement.topic
    if "thread_id" in announcement.data:
        assert announcement.conversation_id == announcement.data["thread_id"] == str(forum.thread.pk)


@pytest.mark.parametrize("kind", DEEDS)
def test_what_is_gone_tells_nobody(forum: Forum, kind: str) -> None:
    deed = DEEDS[kind]
    deed.does(forum)
    deed.subject.objects.all().delete()
    told_of_all()
    assert told_as(kind) == []
    assert not Event.objects.exclude(state="done").exists()


@pytest.mark.parametrize("kind", [kind for kind, deed in DEEDS.items() if deed.actor])
def test_the_actor_is_never_told(forum: Forum, kind: str) -> None:
    """Not even where all of it is theirs, as of a moderator who locks their own thread."""
    deed = DEEDS[kind]
    Thread.objects.update(author=forum.people[str(deed.actor)])
    Message.objects.update(author=forum.people[str(deed.actor)])
    deed.does(forum)
    told_of_all()
    assert str(deed.actor) not in names(told_as(kind))


def test_seeds_and_fixtures_tell_nobody(forum: Forum) -> None:
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


def test_a_row_that_is_saved_again_tells_nothing_new(forum: Forum) -> None:
    document = forum.add_document()
    forum.moderates(forum.thread, "lock")
    there = Event.objects.count()
    for row in (document, ModerationAction.objects.get(), forum.answer):
        row.save()
    assert Event.objects.count() == there


def test_locked_unlocked_and_locked_again_is_told_three_times(forum: Forum) -> None:
    forum.moderates(forum.thread, "lock", "unlock", "lock")
    told_of_all()
    assert len(told_as("THREAD_LOCKED")) == 2 * len(ALL)
    assert len(told_as("THREAD_UNLOCKED")) == len(ALL)
    assert Event.objects.values("key").distinct().count() == 3


def test_doing_what_is_done_tells_nothing(forum: Forum) -> None:
    forum.moderates(forum.thread, "lock", "lock", "restore")
    forum.moderates(forum.answer, "restore")
    assert ModerationAction.objects.count() == Event.objects.count() == 1


def test_a_vote_that_was_taken_back_tells_nobody_and_one_given_anew_tells(forum: Forum) -> None:
    for _ in range(3):
        forum.post("cleo", f"/messages/{forum.answer.pk}/vote/")
        told_of_all()
    assert (Vote.objects.count(), len(told_as("VOTE"))) == (1, 2)
    forum.post("dan", f"/messages/{forum.answer.pk}/vote/")
    forum.post("dan", f"/messages/{forum.answer.pk}/vote/")
    told_of_all()
    assert len(told_as("VOTE")) == 2


def test_votes_in_a_thread_become_one_notification_while_unread(forum: Forum) -> None:
    for name in ("ann", "cleo", "dan"):
        forum.post(name, f"/messages/{forum.answer.pk}/vote/")
    told_of_all()
    (shown,) = [notification for notification in told_as("VOTE") if notification.replaced_by is None]
    assert (shown.count, shown.actor_count) == (3, 3)
    assert [actor["username"] for actor in shown.actors] == ["dan", "cleo", "ann"]


def test_the_rules_of_kinds() -> None:
    assert [kind for kind in DEEDS if kind_of(kind).collapses] == ["THREAD_REPLY", "VOTE"]
    assert kind_of("MENTION").limit == Limit(events=20, seconds=60, over=Over.DROP)
    assert kind_of("VOTE").limit == Limit(events=30, seconds=60, over=Over.DEFER)


def test_what_was_deleted_before_it_was_told_tells_nobody(forum: Forum) -> None:
    forum.post("cleo", f"/messages/{forum.answer.pk}/vote/")
    forum.post("ann", f"/messages/{forum.answer.pk}/accept/")
    forum.post("dan", f"/threads/{forum.thread.pk}/", body="@ben")
    Thread.objects.update(deleted_at="2030-01-01T00:00:00Z")
    told_of_all()
    assert [*told_as("VOTE"), *told_as("ACCEPTED"), *told_as("MENTION"), *told_as("THREAD_REPLY")] == []


def test_a_moderators_reason_is_told(forum: Forum) -> None:
    forum.post("mia", f"/messages/{forum.answer.pk}/moderate/", action="delete", reason=" Off  topic. ")
    told_of_all()
    (told,) = told_as("MESSAGE_DELETED")
    data = told.announcement.data
    assert (data["reason"], data["moderator"], data["excerpt"]) == ("Off  topic.", "mia", "Rye.")
    assert (told.announcement.message_id, told.announcement.actor_id) == (str(forum.answer.pk), forum.people["mia"].pk)


def test_a_service_may_name_who_takes_part_in_a_thread(forum: Forum) -> None:
    for thread in (forum.thread.pk, 10**9):
        notice = parse(
            "clarion.notice.given.v1",
            {"kind": "MAINTENANCE", "audience": "forum.thread.participants", "parameters": {"thread_id": thread}},
        )
        record(notice, key=f"notice:{thread}")
    told_of_all()
    assert names(told_as("MAINTENANCE")) == sorted(ALL)


# Badges


def test_the_first_reply_earns_a_badge_once(forum: Forum) -> None:
    for _ in range(2):
        forum.post("dan", f"/threads/{forum.thread.pk}/", body="Hello.")
    told_of_all()
    (told,) = told_as("BADGE")
    data = told.announcement.data
    assert names([told]) == ["dan"]
    assert (data["badge"], data["automatic"], data["awarded_by"]) == ("first-reply", True, None)
    assert (told.announcement.actor_id, data["url"]) == (None, "/people/dan/")


def test_ten_votes_earn_a_badge(forum: Forum) -> None:
    for number in range(badges.VOTES):
        assert not Award.objects.filter(badge="ten-votes").exists(), number
        voter = UserFactory.create()
        forum.people[voter.username] = voter
        forum.post(voter.username, f"/messages/{forum.answer.pk}/vote/")
    assert Award.objects.get().user == forum.people["ben"]


def test_an_accepted_answer_earns_a_badge(forum: Forum) -> None:
    forum.post("ann", f"/messages/{forum.answer.pk}/accept/")
    assert (Award.objects.get().badge, Award.objects.get().user) == ("solver", forum.people["ben"])


def test_a_badge_given_by_hand_says_by_whom(forum: Forum) -> None:
    forum.post("mia", "/people/ben/award/", badge="helping-hand")
    told_of_all()
    (told,) = told_as("BADGE")
    assert (told.announcement.data["automatic"], told.announcement.data["awarded_by"]) == (False, "mia")
    assert "Helping hand" in forum.get("ann", "/people/ben/")[1]


def test_a_badge_that_is_no_longer_in_the_catalogue_tells_nobody(forum: Forum) -> None:
    Award.objects.create(user=forum.people["ben"], badge="retired")
    told_of_all()
    assert told_as("BADGE") == []
    assert forum.get("ann", "/people/ben/")[0] == 200
