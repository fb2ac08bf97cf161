"""Jobs: started after the commit, done once, failed with a reason, and shown on their pages."""

import json
from datetime import timedelta

import pytest
import redis
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from clarion.pipeline.celery import hints
from clarion.pipeline.celery.queues import redis_key
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
    messages = [json.loads(raw) for raw in reversed(broker.lrange(redis_key(queue), 0, -1))]  # type: ignore[arg-type]
    return [(one["headers"]["task"], json.loads(one["headers"]["argsrepr"].strip("(,)"))) for one in messages]


@pytest.mark.django_db(transaction=True)
def test_job_enqueued_after_commit(broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are enqueued on their own queue after the commit."""
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


def test_job_done_once(forum: Forum) -> None:
    """A job that runs twice is done once."""
    document = forum.add_document()
    finished = document.finished_at
    tasks.process_document(document.pk)
    document.refresh_from_db()
    assert (document.state, document.finished_at, Event.objects.count()) == ("done", finished, 1)


def test_job_without_row(forum: Forum) -> None:
    """A job whose row is missing does nothing."""
    tasks.process_document(10**9)
    tasks.run_export(10**9)


def test_document_processed(forum: Forum) -> None:
    """A processed document has its text, its word count and its collections."""
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
def test_unreadable_file(forum: Forum, content: bytes, error: str) -> None:
    """An unreadable file fails with a reason on its page."""
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


def test_document_form_errors(forum: Forum) -> None:
    """A document without text, with too large a file or with an unknown collection is refused."""
    large = SimpleUploadedFile("large.txt", b"a" * (forms.FILE_MAX_BYTES + 1))
    empty = SimpleUploadedFile("empty.txt", b"")
    for fields in ({}, {"file": large}, {"file": empty}, {"text": "a", "collections": [10**9]}):
        assert forum.post("ann", "/documents/new/", title="Recipe", **fields) == 400, fields
    assert not Document.objects.exists()


def test_extract_and_analysis_shown(forum: Forum) -> None:
    """The extracts and the analysis of a document are shown on its page."""
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


def test_extract_before_processing(forum: Forum) -> None:
    """A waiting document cannot be analysed, and an unknown extract gives 404."""
    forum.post("ann", "/documents/new/", title="Recipe", text=TEXT)
    document = Document.objects.get()
    assert forum.post("ann", f"/documents/{document.pk}/analyse/") == 404
    assert forum.post("ann", f"/documents/{document.pk}/extract/", what="headings") == 404
    forum.works()
    assert forum.post("ann", f"/documents/{document.pk}/extract/", what="secrets") == 404


def test_export_download(forum: Forum) -> None:
    """An export can be downloaded by the user that started it only, without deleted messages."""
    forum.moderates(forum.thread.messages.latest("pk"), "delete")
    forum.post("ann", f"/threads/{forum.thread.pk}/export/")
    export = Export.objects.get()
    page, file = f"/exports/{export.pk}/", f"/exports/{export.pk}/download/"
    assert (forum.get("ann", page)[0], forum.get("ann", file)[0]) == (200, 404)
    forum.works()
    status, text = forum.get("ann", file)
    assert (status, text.splitlines()[0], "Rye." in text, "Hello." in text) == (200, "# Bread", True, False)
    assert forum.get("ben", page)[0] == forum.get("ben", file)[0] == 404


def test_export_of_deleted_thread(forum: Forum) -> None:
    """The export of a deleted thread fails."""
    forum.post("ann", f"/threads/{forum.thread.pk}/export/")
    forum.moderates(forum.thread, "delete")
    forum.works()
    assert (Export.objects.get().state, Export.objects.get().markdown) == ("failed", "")
    assert forum.post("ann", f"/threads/{forum.thread.pk}/export/") == 404


def test_new_collection(forum: Forum) -> None:
    """A collection is created with its owners, and invalid names or owners are refused."""
    assert forum.post("ann", "/collections/new/", name="Tools", owners="@Ann, ben,") == 302
    made = Collection.objects.get(name="Tools")
    assert {owner.username for owner in made.owners.all()} == {"ann", "ben"}
    for fields in (
        {"name": "Tools", "owners": "ann"},
        {"name": "Other", "owners": "nobody"},
        {"name": "Other", "owners": ","},
    ):
        assert forum.post("ann", "/collections/new/", **fields) == 400, fields


def test_sweep_of_lost_jobs(broker: redis.Redis, forum: Forum, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep enqueues lost jobs again and gives up those that are too old."""
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


def test_job_pages_query_count(forum: Forum) -> None:
    """The number of queries of a page is independent of the number of jobs."""

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


def test_unknown_job_pages(forum: Forum) -> None:
    """The pages of unknown documents and exports give 404."""
    for path in (f"/documents/{10**30}/", "/documents/999999/", f"/exports/{10**30}/", "/exports/999999/download/"):
        assert forum.get("ann", path)[0] == 404


def test_document_publicized_once(forum: Forum) -> None:
    """Its starter and the owners of its collections may publicize a document, once."""
    path = f"/documents/{forum.add_document().pk}/publicize/"
    assert forum.post("cleo", path) == 403
    assert (forum.post("eva", path), forum.post("ann", path)) == (302, 302)
    assert Document.objects.get().publisher == forum.people["eva"]
    assert Event.objects.filter(name="forum.document.publicized.v1").count() == 1
    assert "public" in forum.get("cleo", path.removesuffix("publicize/"))[1]
