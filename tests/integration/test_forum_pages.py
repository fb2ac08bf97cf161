"""The forum's pages: responses, escaped text, sign-in and permissions."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from clarion.pipeline.outbox.models import Event
from examples.forum.burst_users import BURST_SPEAKER, gather
from examples.forum.demo_users import PASSWORD, PEOPLE
from examples.forum.models import BODY_MAX_LENGTH, Message, Thread
from tests.factories import MessageFactory, ThreadFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(db: None) -> User:
    return UserFactory.create(username="ann")


@pytest.fixture
def ben(db: None) -> User:
    return UserFactory.create(username="Ben")


@pytest.fixture
def as_ann(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def test_pages_need_sign_in(client: Client) -> None:
    """The pages redirect an anonymous user to the sign-in."""
    thread = ThreadFactory.create()
    for page in ("/", "/threads/new/", f"/threads/{thread.pk}/", "/inbox/", "/people/ann/", "/messages/1/"):
        assert client.get(page).headers["Location"].startswith("/sign-in/?next=/"), page


def test_pages(as_ann: Client, ann: User) -> None:
    """The pages answer with 200 and a strict content security policy."""
    message = MessageFactory.create(author=ann)
    for page in ("/", "/threads/new/", f"/threads/{message.thread_id}/", "/inbox/", "/people/ann/", "/?page=99999"):
        answer = as_ann.get(page)
        assert answer.status_code == 200, page
        assert b"data-user-id" in answer.content
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_bursts_not_listed(as_ann: Client) -> None:
    """The threads of bursts are not in the list of threads; their own pages exist."""
    ThreadFactory.create(title="Of people")
    crowd = gather(2, speaker=BURST_SPEAKER)
    page = as_ann.get("/").content.decode()
    assert "Of people" in page
    assert crowd.thread.title not in page
    assert as_ann.get(crowd.thread.get_absolute_url()).status_code == 200


@pytest.mark.parametrize(
    "page",
    ["/threads/999999/", f"/threads/{10**30}/", "/messages/999999/", f"/messages/{10**30}/", "/people/nobody/", "/x/"],
)
def test_unknown_pages(as_ann: Client, page: str) -> None:
    """An unknown page gives 404."""
    answer = as_ann.get(page)
    assert answer.status_code == 404
    assert b"Page not found" in answer.content


def test_odd_queries(as_ann: Client) -> None:
    """Malformed query parameters are ignored."""
    message = MessageFactory.create()
    for query in ("page=-1", "page=x", "reply_to=x", "reply_to=٣", f"reply_to={10**30}", "reply_to=-1", "page=%00"):
        assert as_ann.get(f"/threads/{message.thread_id}/?{query}").status_code == 200, query


def test_post_reply(as_ann: Client, ann: User) -> None:
    """A reply is stored and redirects to its place in the thread."""
    parent = MessageFactory.create()
    page = f"/threads/{parent.thread_id}/"
    answer = as_ann.post(page, {"body": "Quite so.", "parent": parent.pk})
    message = Message.objects.get(author=ann)
    assert (message.thread_id, message.parent_id, message.body) == (parent.thread_id, parent.pk, "Quite so.")
    assert answer.headers["Location"] == f"/messages/{message.pk}/"
    assert as_ann.get(f"/messages/{message.pk}/").headers["Location"] == f"{page}#message-{message.pk}"


@pytest.mark.parametrize("body", ["", "  \n", "\x00", "a" * (BODY_MAX_LENGTH + 1)], ids=["", "blank", "NUL", "long"])
def test_invalid_reply(as_ann: Client, body: str) -> None:
    """An invalid reply is refused with an error."""
    thread = ThreadFactory.create()
    answer = as_ann.post(f"/threads/{thread.pk}/", {"body": body})
    assert answer.status_code == 400
    assert b'class="error"' in answer.content
    assert not Message.objects.exists()


def test_reply_to_foreign_parent(as_ann: Client) -> None:
    """A reply to a parent of another thread is refused."""
    elsewhere, thread = MessageFactory.create(), ThreadFactory.create()
    for parent in (elsewhere.pk, "x", 10**30):
        assert as_ann.post(f"/threads/{thread.pk}/", {"body": "Hello.", "parent": parent}).status_code == 400
    assert not thread.messages.exists()


def test_start_thread(as_ann: Client, ann: User) -> None:
    """A new thread is stored with its first message and one event."""
    answer = as_ann.post("/threads/new/", {"title": "Bread", "body": "Who bakes?"})
    thread = Thread.objects.get()
    assert answer.headers["Location"] == f"/threads/{thread.pk}/"
    assert [(thread.title, thread.author), *thread.messages.values_list("body", "author")] == [
        ("Bread", ann),
        ("Who bakes?", ann.pk),
    ]
    assert Event.objects.count() == 1


def test_user_text_escaped(as_ann: Client, ben: User) -> None:
    """The text of users is escaped, and mentions of known users are links."""
    body = "<script>alert(1)</script> @ben, @BEN and @nobody & ann@here.example"
    message = MessageFactory.create(body=body, thread__title="<b>Bread</b>")
    page = as_ann.get(f"/threads/{message.thread_id}/").content.decode()
    assert "<script>alert" not in page
    assert "<b>Bread" not in page
    assert '<a class="mention" href="/people/Ben/">@ben</a>, <a class="mention" href="/people/Ben/">@BEN</a>' in page
    assert "@nobody &amp; ann@here.example" in page


def test_own_mention_highlighted(as_ann: Client) -> None:
    """A mention of the reader is highlighted."""
    message = MessageFactory.create(body="Well, @Ann?")
    assert (
        b'<a class="mention mention-me" href="/people/ann/">@Ann</a>'
        in as_ann.get(message.thread.get_absolute_url()).content
    )


def test_message_redirect(as_ann: Client, ann: User) -> None:
    """The address of a message redirects to its page of the thread."""
    thread = ThreadFactory.create()
    last = MessageFactory.create_batch(51, thread=thread, author=ann)[-1]
    assert (
        as_ann.get(reverse("message", args=[last.pk])).headers["Location"]
        == f"/threads/{thread.pk}/?page=2#message-{last.pk}"
    )


def test_message_page_query_count(as_ann: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    """A page of forty messages costs at most eight queries."""
    thread = ThreadFactory.create()
    for _ in range(20):
        parent = MessageFactory.create(thread=thread)
        MessageFactory.create(thread=thread, parent=parent, body="@ann")
    with django_assert_max_num_queries(8):
        as_ann.get(f"/threads/{thread.pk}/")


# The way in, and the people of the demo


@pytest.fixture
def seeded(db: None) -> None:
    call_command("seed")


def test_seed(seeded: None) -> None:
    """Seeding records no events and happens once."""
    there = (User.objects.count(), Thread.objects.count(), Message.objects.count())
    call_command("seed")
    assert (User.objects.count(), Thread.objects.count(), Message.objects.count()) == there
    assert set(User.objects.values_list("username", flat=True)) == set(PEOPLE)
    assert list(User.objects.filter(is_superuser=True, is_staff=True).values_list("username", flat=True)) == ["mia"]
    assert Message.objects.filter(parent__isnull=False).exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize("username", PEOPLE)
def test_sign_in_of_seeded_users(seeded: None, username: str) -> None:
    """Seeded users sign in by password or by one click."""
    by_password, by_click = Client(), Client()
    assert by_password.post("/sign-in/", {"username": username, "password": PASSWORD}).headers["Location"] == "/"
    assert by_click.post("/sign-in/as/", {"username": username, "next": "/inbox/"}).headers["Location"] == "/inbox/"
    for client in (by_password, by_click):
        assert client.get("/").status_code == 200
        assert client.get("/admin/").status_code == (200 if username == "mia" else 302)
        assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
        assert client.get("/").status_code == 302


def test_wrong_password(seeded: None, client: Client) -> None:
    """A wrong password shows an error."""
    answer = client.post("/sign-in/", {"username": "ann", "password": "wrong"})
    assert b'class="error"' in answer.content


def test_one_click_foreign_redirect(seeded: None, client: Client) -> None:
    """The one-click sign-in does not redirect to another site."""
    answer = client.post("/sign-in/as/", {"username": "ann", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"


def test_one_click_for_seeded_users_only(client: Client) -> None:
    """The one-click sign-in accepts seeded users only."""
    UserFactory.create(username="root", is_superuser=True)
    assert client.post("/sign-in/as/", {"username": "root"}).status_code == 404


def test_closed_doors(seeded: None, client: Client, settings: Settings) -> None:
    """With closed doors the one-click sign-in and the seeding are refused."""
    settings.FORUM_OPEN_DOORS = False
    assert client.post("/sign-in/as/", {"username": "ann"}).status_code == 404
    assert b"Come in as" not in client.get("/sign-in/").content
    with pytest.raises(CommandError, match="CLARION_DEBUG"):
        call_command("seed")


def test_changes_need_csrf_token(ann: User) -> None:
    """A change without the CSRF token gives 403."""
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)
    assert strict.post("/threads/new/", {"title": "Bread", "body": "Who bakes?"}).status_code == 403
    assert strict.post("/api/token").status_code == 403
