"""The permissions and effects of moderation, and votes and accepted answers on the pages."""

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
    """Only moderators may moderate, and none may award a badge to themselves."""
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
def test_moderation_needs_reason(forum: Forum, page: str, fields: dict[str, str]) -> None:
    """A moderation action needs a known type and a reason of at most 200 characters."""
    assert forum.post("mia", f"{page}moderate/", **fields) == 400
    assert not ModerationAction.objects.exists()


def test_unsupported_message_action(forum: Forum) -> None:
    """A message cannot be locked or pinned."""
    assert forum.post("mia", f"/messages/{forum.answer.pk}/moderate/", action="lock", reason="Why.") == 400


def test_locked_thread(forum: Forum, page: str) -> None:
    """A locked thread refuses replies until it is unlocked."""
    forum.moderates(forum.thread, "lock")
    assert forum.post("ann", page, body="But!") == 400
    status, shown = forum.get("ann", page)
    assert (status, "Locked by mia" in shown, "Because." in shown, "Your reply" in shown) == (200, True, True, False)
    forum.moderates(forum.thread, "unlock")
    assert forum.post("ann", page, body="Good.") == 302


def test_reply_to_thread_locked_meanwhile(forum: Forum, page: str) -> None:
    """The text of a refused reply stays in the form if the thread was locked meanwhile."""
    forum.moderates(forum.thread, "lock")
    answer = forum.client("dan").post(page, {"body": "A long and thoughtful reply."})
    assert answer.status_code == 400
    assert b"A long and thoughtful reply." in answer.content


def test_pinned_thread_first(forum: Forum) -> None:
    """A pinned thread is first in the list."""
    newer = MessageFactory.create().thread
    first = forum.get("ann", "/")[1]
    forum.moderates(forum.thread, "pin")
    then = forum.get("ann", "/")[1]
    assert first.index(newer.title) < first.index("Bread")
    assert then.index("Bread") < then.index(newer.title)


def test_deleted_thread(forum: Forum, page: str) -> None:
    """A deleted thread is visible to moderators only, until it is restored."""
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


def test_deleted_message_placeholder(forum: Forum, page: str) -> None:
    """A deleted message leaves a placeholder with the reason, until it is restored."""
    MessageFactory.create(thread=forum.thread, parent=forum.answer, body="Quite so.")
    forum.moderates(forum.answer, "delete")
    status, shown = forum.get("ann", page)
    assert (status, "Rye." in shown, "Because." in shown, "Quite so." in shown) == (200, False, True, True)
    assert "Rye." in forum.get("mia", page)[1]
    assert forum.post("ann", page, body="Hm.", parent=forum.answer.pk) == 400
    assert forum.post("cleo", f"/messages/{forum.answer.pk}/vote/") == 403
    forum.moderates(forum.answer, "restore")
    assert "Rye." in forum.get("ann", page)[1]


def test_reply_count(forum: Forum) -> None:
    """The list of threads counts only the replies that are not deleted."""
    assert 'title="2 replies"' in forum.get("ann", "/")[1]
    forum.moderates(forum.answer, "delete")
    assert 'title="1 reply"' in forum.get("ann", "/")[1]


def test_vote_for_own_message(forum: Forum) -> None:
    """A vote for one's own message is refused."""
    assert forum.post("ben", f"/messages/{forum.answer.pk}/vote/") == 403
    assert not Vote.objects.exists()


def test_vote_and_withdraw(forum: Forum, page: str) -> None:
    """A vote is shown, and a second press withdraws it."""
    for pressed in ("true", "false"):
        forum.post("cleo", f"/messages/{forum.answer.pk}/vote/")
        shown = forum.get("cleo", page)[1]
        form = shown[shown.index(f"/messages/{forum.answer.pk}/vote/") :]
        assert f'aria-pressed="{pressed}"' in form[: form.index("</form>")]


def test_accept_permissions(forum: Forum) -> None:
    """Only the author of a thread may accept an answer, and not their own."""
    own = Message.objects.get(author=forum.people["ann"])
    assert forum.post("cleo", f"/messages/{forum.answer.pk}/accept/") == 403
    assert forum.post("ann", f"/messages/{own.pk}/accept/") == 403
    assert not Acceptance.objects.exists()


def test_single_accepted_answer(forum: Forum, page: str) -> None:
    """One answer of a thread is accepted at a time."""
    other = Message.objects.get(author=forum.people["cleo"])
    for message, accepted in ((forum.answer, forum.answer), (other, other), (other, None)):
        assert forum.post("ann", f"/messages/{message.pk}/accept/") == 302
        acceptance = Acceptance.objects.first()
        assert (acceptance.message if acceptance else None) == accepted
        assert ("Accepted answer" in forum.get("ben", page)[1]) is (accepted is not None)


def test_changes_need_post(forum: Forum) -> None:
    """A GET request to the address of a change gives 405."""
    message, thread = forum.answer.pk, forum.thread.pk
    paths = (f"/messages/{message}/vote/", f"/messages/{message}/accept/", f"/messages/{message}/moderate/",
             f"/threads/{thread}/moderate/", f"/threads/{thread}/export/", "/people/ben/award/")  # fmt: skip
    for path in paths:
        assert forum.get("mia", path)[0] == 405, path


def test_thread_page_query_count(forum: Forum, page: str) -> None:
    """The number of queries of a page is independent of messages, votes and moderation."""

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


def test_deleted_thread_not_cached(forum: Forum, page: str) -> None:
    """The page of a deleted thread is not cached by browsers."""
    forum.moderates(forum.thread, "delete")
    assert "no-store" in forum.client("ben").get(page).headers["Cache-Control"]


def test_lock_reason_after_restore(forum: Forum, page: str) -> None:
    """A restored thread still shows the reason of its lock."""
    assert forum.post("mia", f"{page}moderate/", action="lock", reason="Too heated.") == 302
    forum.moderates(forum.thread, "delete", "restore")
    shown = forum.get("ann", page)[1]
    assert ("Too heated." in shown, "Because." in shown) == (True, False)
