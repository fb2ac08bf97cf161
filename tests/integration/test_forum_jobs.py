"""Jobs: started after the commit, done once, failed with a reason, and shown on their pages."""

import json
from datetime import timedelta

import pytest
import redis
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from clarion.pipeline.celery import hints
from clarion.pipeline.outbox.models import Event
from examples.forum import forms, jobs, tasks
from examples.forum.models import Analysis, Collection, Document, Export, Extract
from tests.integration.forum import TEXT, Forum, forum_with_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def forum(db: None) -> Forum:
    return forum_with_people()


def queued(broker: redis.Redis, queue: str = "jobs") -> list[tuple[str, int]]:
    """Return the tasks of a queue, in order: their names and ids."""
    messages = [json.loads(raw) for raw in reversed(broker.lrange(queue, 0, -1))]  # type: ignore[arg-type]
    return [(one["headers"]["task"], json.loads(one["headers"]["argsrepr"].strip("(,)"))) for one in messages]


@pytest.mark.django_db(transaction=True)
def test_a_job_is_started_on_its_own_queue_after_the_commit(
    broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "_leave_alone_until", 0.0)  # resets the state of an earlier test
    forum = forum_with_people()
    document = forum.add_document()
    forum.post("ann", f"/documents/{document.pk}/extract/", what="addresses")
    forum.post("ann", f"/documents/{document.pk}/analyse/")
    forum.post("ann", f"/threads/{forum.thread.pk}/export/")
    assert queued(broker) == [
        ("forum.process_document", document.pk),
        ("forum.run_extract", Extract.objects.get().pk),
        ("forum.run_analysis", Analysis.objects.get().pk),
        ("forum.run_export", Export.objects.get().pk),
    ]


def test_a_job_is_done_once(forum: Forum) -> None:
    document = forum.add_document()
    finished = document.finished_at
    tasks.process_document(document.pk)
    document.refresh_from_db()
    assert (document.state, document.finished_at, Event.objects.count()) == ("done", finished, 1)


def test_a_job_that_is_gone_is_no_matter(forum: Forum) -> None:
    tasks.process_document(10**9)
    tasks.run_export(10**9)


def test_a_document_is_read(forum: Forum) -> None:
    document = forum.add_document()
    assert (document.state, document.words, document.text, document.error) == ("done", 11, TEXT, "")
    assert list(document.collections.all()) == [forum.collection]
    assert "11 words" in forum.get("ben", document.get_absolute_url())[1]


@pytest.mark.parametrize(
    "content,error",
    [
        (b"\xff\xfe\x00", "This is not text in UTF-8: byte 1 does not fit."),
        (b"a\x00b", "This is not text: it holds bytes of zero."),
        (b"...", "There are no words in it."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(forum: Forum, content: bytes, error: str) -> None:
    fields = {"title": "Photograph", "file": SimpleUploadedFile("photograph.txt", content)}
    assert forum.post("ann", "/documents/new/", **fields) == 302
    forum.works()
    document = Document.objects.get()
    assert (document.state, document.error, document.text if error.startswith("There") else "...") == (
        "failed",
        error,
        "...",
    )
    assert error in forum.get("ann", document.get_absolute_url())[1]


def test_a_document_needs_a_text_that_is_not_too_long(forum: Forum) -> None:
    large = SimpleUploadedFile("large.txt", b"a" * (forms.FILE_MAX_BYTES + 1))
    empty = SimpleUploadedFile("empty.txt", b"")
    for fields in ({}, {"file": large}, {"file": empty}, {"text": "a", "collections": [10**9]}):
        assert forum.post("ann", "/documents/new/", title="Recipe", **fields) == 400, fields
    assert not Document.objects.exists()


def test_what_is_drawn_from_a_document_is_shown(forum: Forum) -> None:
    document = forum.add_document()
    for what in ("addresses", "headings"):
        forum.post("cleo", f"/documents/{document.pk}/extract/", what=what)
    forum.post("cleo", f"/documents/{document.pk}/analyse/")
    forum.works()
    shown = forum.get("cleo", document.get_absolute_url())[1]
    assert Extract.objects.get(what="addresses").found == ["ann@here.example"]
    assert Extract.objects.get(what="headings").found == ["Dough"]
    assert Analysis.objects.get().frequencies[0] == ["flour", 2]
    assert "<li>ann@here.example</li>" in shown
    assert "<li>flour" in shown


def test_a_document_that_still_waits_has_nothing_to_be_drawn_from(forum: Forum) -> None:
    forum.post("ann", "/documents/new/", title="Recipe", text=TEXT)
    document = Document.objects.get()
    assert forum.post("ann", f"/documents/{document.pk}/analyse/") == 404
    assert forum.post("ann", f"/documents/{document.pk}/extract/", what="headings") == 404
    forum.works()
    assert forum.post("ann", f"/documents/{document.pk}/extract/", what="secrets") == 404


def test_an_export_is_the_starters_to_download(forum: Forum) -> None:
    forum.moderates(forum.thread.messages.latest("pk"), "delete")
    forum.post("ann", f"/threads/{forum.thread.pk}/export/")
    export = Export.objects.get()
    page, file = f"/exports/{export.pk}/", f"/exports/{export.pk}/download/"
    assert (forum.get("ann", page)[0], forum.get("ann", file)[0]) == (200, 404)
    forum.works()
    status, text = forum.get("ann", file)
    assert (status, text.splitlines()[0], "Rye." in text, "Hello." in text) == (200, "# Bread", True, False)
    assert forum.get("ben", page)[0] == forum.get("ben", file)[0] == 404


def test_a_thread_that_was_deleted_is_not_exported(forum: Forum) -> None:
    forum.post("ann", f"/threads/{forum.thread.pk}/export/")
    forum.moderates(forum.thread, "delete")
    forum.works()
    assert (Export.objects.get().state, Export.objects.get().markdown) == ("failed", "")
    assert forum.post("ann", f"/threads/{forum.thread.pk}/export/") == 404


def test_a_collection_is_made_with_its_owners(forum: Forum) -> None:
    assert forum.post("ann", "/collections/new/", name="Tools", owners="@Ann, ben,") == 302
    made = Collection.objects.get(name="Tools")
    assert {owner.username for owner in made.owners.all()} == {"ann", "ben"}
    for fields in (
        {"name": "Tools", "owners": "ann"},
        {"name": "Other", "owners": "nobody"},
        {"name": "Other", "owners": ","},
    ):
        assert forum.post("ann", "/collections/new/", **fields) == 400, fields


def test_jobs_that_were_forgotten_are_started_again(
    broker: redis.Redis, forum: Forum, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "_leave_alone_until", 0.0)
    now = timezone.now()
    ages = (0, jobs.FORGOTTEN_SECONDS + 1, jobs.GIVEN_UP_SECONDS + 1)
    fresh, forgotten, old = (
        Document.objects.create(
            starter=forum.people["ann"], title="Recipe", content=b"Flour", created_at=now - timedelta(seconds=age)
        )
        for age in ages
    )
    tasks.sweep_jobs()
    assert queued(broker) == [("forum.process_document", forgotten.pk)]
    old.refresh_from_db()
    fresh.refresh_from_db()
    assert (fresh.state, old.state, old.error) == ("waiting", "failed", "It could not be done within an hour.")


def test_pages_take_a_fixed_number_of_queries(forum: Forum) -> None:
    def do_all() -> Document:
        document = forum.add_document()
        forum.post("ann", f"/documents/{document.pk}/extract/", what="headings")
        forum.post("ann", f"/documents/{document.pk}/analyse/")
        forum.post("ann", f"/threads/{forum.thread.pk}/export/")
        return document

    document = do_all()
    pages = ("/jobs/", document.get_absolute_url(), "/documents/new/")
    with_few = [forum.queries("ann", page) for page in pages]
    for _ in range(11):
        do_all()
        forum.post("ann", f"/documents/{document.pk}/analyse/")
    assert [forum.queries("ann", page) for page in pages] == with_few


def test_pages_of_what_is_not_there_are_not_found(forum: Forum) -> None:
    for path in (f"/documents/{10**30}/", "/documents/999999/", f"/exports/{10**30}/", "/exports/999999/download/"):
        assert forum.get("ann", path)[0] == 404


def test_a_document_is_made_public_once_by_those_whose_it_is(forum: Forum) -> None:
    path = f"/documents/{forum.add_document().pk}/publicize/"
    assert forum.post("cleo", path) == 403
    assert (forum.post("eva", path), forum.post("ann", path)) == (302, 302)
    assert Document.objects.get().publisher == forum.people["eva"]
    assert Event.objects.filter(name="forum.document.publicized.v1").count() == 1
    assert "public" in forum.get("cleo", path.removesuffix("publicize/"))[1]
