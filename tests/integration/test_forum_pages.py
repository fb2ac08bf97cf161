"""The forum's pages: each answers, shows what people write as text, and lets in whom it should."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from clarion.pipeline.outbox.models import Event
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


def test_pages_ask_for_a_sign_in(client: Client) -> None:
    thread = ThreadFactory.create()
    for page in ("/", "/threads/new/", f"/threads/{thread.pk}/", "/inbox/", "/people/ann/", "/messages/1/"):
        assert client.get(page).headers["Location"].startswith("/sign-in/?next=/"), page


def test_pages_answer(as_ann: Client, ann: User) -> None:
    message = MessageFactory.create(author=ann)
    for page in ("/", "/threads/new/", f"/threads/{message.thread_id}/", "/inbox/", "/people/ann/", "/?page=99999"):
        answer = as_ann.get(page)
        assert answer.status_code == 200, page
        assert b"data-user-id" in answer.content
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "page",
    ["/threads/999999/", f"/threads/{10**30}/", "/messages/999999/", f"/messages/{10**30}/", "/people/nobody/", "/x/"],
)
def test_what_is_not_there_is_not_found(as_ann: Client, page: str) -> None:
    answer = as_ann.get(page)
    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content


def test_odd_queries_are_no_matter(as_ann: Client) -> None:
    message = MessageFactory.create()
    for query in ("page=-1", "page=x", "reply_to=x", "reply_to=٣", f"reply_to={10**30}", "reply_to=-1", "page=%00"):
        assert as_ann.get(f"/threads/{message.thread_id}/?{query}").status_code == 200, query


def test_a_reply_is_posted(as_ann: Client, ann: User) -> None:
    parent = MessageFactory.create()
    page = f"/threads/{parent.thread_id}/"
    answer = as_ann.post(page, {"body": "Quite so.", "parent": parent.pk})
    message = Message.objects.get(author=ann)
    assert (message.thread_id, message.parent_id, message.body) == (parent.thread_id, parent.pk, "Quite so.")
    assert answer.headers["Location"] == f"/messages/{message.pk}/"
    assert as_ann.get(f"/messages/{message.pk}/").headers["Location"] == f"{page}#message-{message.pk}"


@pytest.mark.parametrize("body", ["", "  \n", "\x00", "a" * (BODY_MAX_LENGTH + 1)], ids=["", "blank", "NUL", "long"])
def test_a_reply_that_cannot_be_posted_says_why(as_ann: Client, body: str) -> None:
    thread = ThreadFactory.create()
    answer = as_ann.post(f"/threads/{thread.pk}/", {"body": body})
    assert answer.status_code == 400
    assert b'class="error"' in answer.content
    assert not Message.objects.exists()


def test_a_reply_stays_in_its_thread(as_ann: Client) -> None:
    elsewhere, thread = MessageFactory.create(), ThreadFactory.create()
    for parent in (elsewhere.pk, "x", 10**30):
        assert as_ann.post(f"/threads/{thread.pk}/", {"body": "Hello.", "parent": parent}).status_code == 400
    assert not thread.messages.exists()


def test_a_thread_is_started(as_ann: Client, ann: User) -> None:
    answer = as_ann.post("/threads/new/", {"title": "Bread", "body": "Who bakes?"})
    thread = Thread.objects.get()
    assert answer.headers["Location"] == f"/threads/{thread.pk}/"
    assert [(thread.title, thread.author), *thread.messages.values_list("body", "author")] == [
        ("Bread", ann),
        ("Who bakes?", ann.pk),
    ]
    assert Event.objects.count() == 1


def test_what_people_write_is_shown_as_text(as_ann: Client, ben: User) -> None:
    body = "<script>alert(1)</script> @ben, @BEN and @nobody & ann@here.example"
    message = MessageFactory.create(body=body, thread__title="<b>Bread</b>")
    page = as_ann.get(f"/threads/{message.thread_id}/").content.decode()
    assert "<script>alert" not in page
    assert "<b>Bread" not in page
    assert '<a class="mention" href="/people/Ben/">@ben</a>, <a class="mention" href="/people/Ben/">@BEN</a>' in page
    assert "@nobody &amp; ann@here.example" in page


def test_ones_own_name_stands_out(as_ann: Client) -> None:
    message = MessageFactory.create(body="Well, @Ann?")
    assert (
        b'<a class="mention mention-me" href="/people/ann/">@Ann</a>'
        in as_ann.get(message.thread.get_absolute_url()).content
    )


def test_a_message_is_found_on_its_page(as_ann: Client, ann: User) -> None:
    thread = ThreadFactory.create()
    last = MessageFactory.create_batch(51, thread=thread, author=ann)[-1]
    assert (
        as_ann.get(reverse("message", args=[last.pk])).headers["Location"]
        == f"/threads/{thread.pk}/?page=2#message-{last.pk}"
    )


def test_a_page_of_messages_takes_a_fixed_number_of_queries(
    as_ann: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
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


def test_seeding_tells_nobody_and_happens_once(seeded: None) -> None:
    there = (User.objects.count(), Thread.objects.count(), Message.objects.count())
    call_command("seed")
    assert (User.objects.count(), Thread.objects.count(), Message.objects.count()) == there
    assert set(User.objects.values_list("username", flat=True)) == set(PEOPLE)
    assert list(User.objects.filter(is_superuser=True, is_staff=True).values_list("username", flat=True)) == ["mia"]
    assert Message.objects.filter(parent__isnull=False).exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize("username", PEOPLE)
def test_seeded_people_come_in_by_password_or_by_one_click(seeded: None, username: str) -> None:
    by_password, by_click = Client(), Client()
    assert by_password.post("/sign-in/", {"username": username, "password": PASSWORD}).headers["Location"] == "/"
    assert by_click.post("/sign-in/as/", {"username": username, "next": "/inbox/"}).headers["Location"] == "/inbox/"
    for client in (by_password, by_click):
        assert client.get("/").status_code == 200
        assert client.get("/admin/").status_code == (200 if username == "mia" else 302)
        assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
        assert client.get("/").status_code == 302


def test_a_wrong_password_says_so(seeded: None, client: Client) -> None:
    answer = client.post("/sign-in/", {"username": "ann", "password": "wrong"})
    assert b'class="error"' in answer.content


def test_one_click_leads_nowhere_else(seeded: None, client: Client) -> None:
    answer = client.post("/sign-in/as/", {"username": "ann", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"


def test_one_click_is_for_seeded_people_only(client: Client) -> None:
    UserFactory.create(username="root", is_superuser=True)
    assert client.post("/sign-in/as/", {"username": "root"}).status_code == 404


def test_where_doors_are_closed_there_is_no_one_click_and_no_seeding(
    seeded: None, client: Client, settings: Settings
) -> None:
    settings.FORUM_OPEN_DOORS = False
    assert client.post("/sign-in/as/", {"username": "ann"}).status_code == 404
    assert b"Come in as" not in client.get("/sign-in/").content
    with pytest.raises(CommandError, match="CLARION_DEBUG"):
        call_command("seed")


def test_changes_need_the_token_of_the_page(ann: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)
    assert strict.post("/threads/new/", {"title": "Bread", "body": "Who bakes?"}).status_code == 403
    assert strict.post("/api/token").status_code == 403
