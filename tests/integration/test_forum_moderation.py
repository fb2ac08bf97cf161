"""What moderators may do, what others see of it, and votes and accepted answers on the pages."""

import pytest

from examples.forum.models import Acceptance, Message, ModerationAction, Vote
from tests.factories import MessageFactory, UserFactory
from tests.integration.forum import Forum, forum_with_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def forum(db: None) -> Forum:
    return forum_with_people()


@pytest.fixture
def page(forum: Forum) -> str:
    return f"/threads/{forum.thread.pk}/"


def test_only_moderators_moderate(forum: Forum) -> None:
    for path in (f"/threads/{forum.thread.pk}/moderate/", f"/messages/{forum.answer.pk}/moderate/"):
        assert forum.post("ann", path, action="delete", reason="Mine.") == 403
    assert forum.post("ann", "/people/ben/award/", badge="good-host") == 403
    assert forum.post("mia", "/people/mia/award/", badge="good-host") == 403
    assert not ModerationAction.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "lock"},
        {"action": "lock", "reason": "  "},
        {"action": "lock", "reason": "a" * 201},
        {"action": "x", "reason": "Why."},
        {"reason": "Why."},
    ],
)
def test_an_action_needs_a_reason(forum: Forum, page: str, fields: dict[str, str]) -> None:
    assert forum.post("mia", f"{page}moderate/", **fields) == 400
    assert not ModerationAction.objects.exists()


def test_messages_are_neither_locked_nor_pinned(forum: Forum) -> None:
    assert forum.post("mia", f"/messages/{forum.answer.pk}/moderate/", action="lock", reason="Why.") == 400


def test_a_locked_thread_takes_no_replies_until_it_is_unlocked(forum: Forum, page: str) -> None:
    forum.moderates(forum.thread, "lock")
    assert forum.post("ann", page, body="But!") == 400
    status, shown = forum.get("ann", page)
    assert (status, "Locked by mia" in shown, "Because." in shown, "Your reply" in shown) == (200, True, True, False)
    forum.moderates(forum.thread, "unlock")
    assert forum.post("ann", page, body="Good.") == 302


def test_what_was_written_to_a_thread_locked_meanwhile_is_not_lost(forum: Forum, page: str) -> None:
    forum.moderates(forum.thread, "lock")
    answer = forum.client("dan").post(page, {"body": "A long and thoughtful reply."})
    assert answer.status_code == 400
    assert b"A long and thoughtful reply." in answer.content


def test_a_pinned_thread_stands_first(forum: Forum) -> None:
    newer = MessageFactory.create().thread
    first = forum.get("ann", "/")[1]
    forum.moderates(forum.thread, "pin")
    then = forum.get("ann", "/")[1]
    assert first.index(newer.title) < first.index("Bread")
    assert then.index("Bread") < then.index(newer.title)


def test_a_deleted_thread_is_gone_but_for_moderators(forum: Forum, page: str) -> None:
    forum.moderates(forum.thread, "delete")
    status, shown = forum.get("ben", page)
    assert (status, "Which flour?" in shown, "Bread" in shown, "Because." in shown) == (410, False, False, True)
    assert forum.post("ben", page, body="Hello?") == 410
    assert forum.post("cleo", f"/messages/{forum.answer.pk}/vote/") == 404
    assert "Bread" not in forum.get("ben", "/")[1]
    assert "Rye." not in forum.get("ann", "/people/ben/")[1]
    assert "Bread" in forum.get("mia", "/")[1]
    assert "Which flour?" in forum.get("mia", page)[1]
    forum.moderates(forum.thread, "restore")
    assert forum.get("ben", page)[0] == 200


def test_a_deleted_message_leaves_its_place_and_the_reason(forum: Forum, page: str) -> None:
    MessageFactory.create(thread=forum.thread, parent=forum.answer, body="Quite so.")
    forum.moderates(forum.answer, "delete")
    status, shown = forum.get("ann", page)
    assert (status, "Rye." in shown, "Because." in shown, "Quite so." in shown) == (200, False, True, True)
    assert "Rye." in forum.get("mia", page)[1]
    assert forum.post("ann", page, body="Hm.", parent=forum.answer.pk) == 400
    assert forum.post("cleo", f"/messages/{forum.answer.pk}/vote/") == 403
    forum.moderates(forum.answer, "restore")
    assert "Rye." in forum.get("ann", page)[1]


def test_a_list_counts_what_is_there(forum: Forum) -> None:
    assert 'title="2 replies"' in forum.get("ann", "/")[1]
    forum.moderates(forum.answer, "delete")
    assert 'title="1 reply"' in forum.get("ann", "/")[1]


def test_nobody_votes_for_themselves(forum: Forum) -> None:
    assert forum.post("ben", f"/messages/{forum.answer.pk}/vote/") == 403
    assert not Vote.objects.exists()


def test_a_vote_is_shown_and_taken_back(forum: Forum, page: str) -> None:
    for pressed in ("true", "false"):
        forum.post("cleo", f"/messages/{forum.answer.pk}/vote/")
        shown = forum.get("cleo", page)[1]
        form = shown[shown.index(f"/messages/{forum.answer.pk}/vote/") :]
        assert f'aria-pressed="{pressed}"' in form[: form.index("</form>")]


def test_only_the_threads_author_accepts_and_only_of_others(forum: Forum) -> None:
    own = Message.objects.get(author=forum.people["ann"])
    assert forum.post("cleo", f"/messages/{forum.answer.pk}/accept/") == 403
    assert forum.post("ann", f"/messages/{own.pk}/accept/") == 403
    assert not Acceptance.objects.exists()


def test_one_answer_is_accepted_at_a_time(forum: Forum, page: str) -> None:
    other = Message.objects.get(author=forum.people["cleo"])
    for message, accepted in ((forum.answer, forum.answer), (other, other), (other, None)):
        assert forum.post("ann", f"/messages/{message.pk}/accept/") == 302
        acceptance = Acceptance.objects.first()
        assert (acceptance.message if acceptance else None) == accepted
        assert ("Accepted answer" in forum.get("ben", page)[1]) is (accepted is not None)


def test_changes_are_posted_only(forum: Forum) -> None:
    message, thread = forum.answer.pk, forum.thread.pk
    paths = (f"/messages/{message}/vote/", f"/messages/{message}/accept/", f"/messages/{message}/moderate/",
             f"/threads/{thread}/moderate/", f"/threads/{thread}/export/", "/people/ben/award/")  # fmt: skip
    for path in paths:
        assert forum.get("mia", path)[0] == 405, path


def test_a_page_takes_a_fixed_number_of_queries(forum: Forum, page: str) -> None:
    def grow() -> None:
        message = MessageFactory.create(thread=forum.thread, parent=forum.answer, body="@ann")
        Vote.objects.create(message=message, voter=UserFactory.create())
        forum.moderates(message, "delete")

    forum.post("ann", f"/messages/{forum.answer.pk}/accept/")
    forum.moderates(forum.thread, "lock")
    grow()
    pages = [(name, path) for name in ("ann", "mia") for path in (page, "/", "/people/ben/")]
    with_few = [forum.queries(*one) for one in pages]
    for _ in range(20):
        grow()
    assert [forum.queries(*one) for one in pages] == with_few


def test_no_browser_keeps_what_a_deleted_thread_answers(forum: Forum, page: str) -> None:
    forum.moderates(forum.thread, "delete")
    assert "no-store" in forum.client("ben").get(page).headers["Cache-Control"]


def test_a_thread_says_why_it_is_locked_after_it_was_restored(forum: Forum, page: str) -> None:
    assert forum.post("mia", f"{page}moderate/", action="lock", reason="Too heated.") == 302
    forum.moderates(forum.thread, "delete", "restore")
    shown = forum.get("ann", page)[1]
    assert ("Too heated." in shown, "Because." in shown) == (True, False)
