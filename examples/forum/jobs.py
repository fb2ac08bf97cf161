"""Jobs: users start them, a worker does them, a sweep starts forgotten ones again.

Input: the kind of job and its subject. Output: a waiting row, and after the commit a task. The tasks call `finish`,
which does the work in the transaction that locks the row, so a job is done once even if its task runs several times.
An unreadable text is a failed job, with the reason; any other error leaves the row waiting, and the sweep starts it
again, for an hour.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final, TypeVar

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from clarion.pipeline.celery.hints import enqueue
from examples.forum import texts
from examples.forum.models import Analysis, Collection, Document, Export, Extract, Job, Thread

PROCESS_DOCUMENT: Final = "forum.process_document"
RUN_EXTRACT: Final = "forum.run_extract"
RUN_ANALYSIS: Final = "forum.run_analysis"
RUN_EXPORT: Final = "forum.run_export"

_TASKS: Final[dict[type[Job], str]] = {
    Document: PROCESS_DOCUMENT,
    Extract: RUN_EXTRACT,
    Analysis: RUN_ANALYSIS,
    Export: RUN_EXPORT,
}

#: After this long a waiting job was forgotten, or waits behind many; it is started again (seconds).
FORGOTTEN_SECONDS = 30

#: After this long it is given up, because its obstacle is permanent (seconds).
GIVEN_UP_SECONDS = 3600

#: Jobs of one sort that one sweep starts again.
SWEPT_AT_ONCE = 100

J = TypeVar("J", bound=Job)


@transaction.atomic
def add_document(starter: User, *, title: str, content: bytes, collections: Iterable[Collection] = ()) -> Document:
    """Store a document whose text is to be extracted."""
    document = Document.objects.create(starter=starter, title=title, content=content)
    document.collections.set(collections)
    return _start(document)


def may_publicize(user: User, document: Document) -> bool:
    """Return whether the user brought the document, owns one of its collections, or is staff."""
    return user.pk == document.starter_id or user.is_staff or document.collections.filter(owners=user).exists()


@transaction.atomic
def publicize(user: User, document: Document) -> None:
    """Make a document public, once; raise PermissionDenied for a user who may not."""
    rows = Document.objects.select_for_update(no_key=True).defer("content", "text")
    document = rows.get(pk=document.pk)
    if not may_publicize(user, document):
        raise PermissionDenied
    if document.publisher_id is None:
        document.publisher = user
        document.save(update_fields=["publisher"])


@transaction.atomic
def extract(starter: User, document: Document, what: str) -> Extract:
    """Draw `what` from a document."""
    return _start(Extract.objects.create(starter=starter, document=document, what=what))


@transaction.atomic
def analyse(starter: User, document: Document) -> Analysis:
    """Find the words that a document uses most."""
    return _start(Analysis.objects.create(starter=starter, document=document))


@transaction.atomic
def export(starter: User, thread: Thread) -> Export:
    """Write a thread out."""
    return _start(Export.objects.create(starter=starter, thread=thread))


def _start(job: J) -> J:
    transaction.on_commit(lambda: enqueue(_TASKS[type(job)], job.pk), robust=True)
    return job


def sweep() -> None:
    """Start jobs again that have waited too long, and give up those that have waited far too long."""
    now = timezone.now()
    forgotten, given_up = (now - timedelta(seconds=seconds) for seconds in (FORGOTTEN_SECONDS, GIVEN_UP_SECONDS))
    for model, task in _TASKS.items():
        waiting = model._default_manager.filter(state=Job.State.WAITING, created_at__lt=forgotten)
        jobs = waiting.order_by("created_at").values_list("pk", "created_at")[:SWEPT_AT_ONCE]
        for pk, created_at in jobs:
            if created_at < given_up:
                finish(model, pk, _give_up)
            else:
                enqueue(task, pk)


def _give_up(_: Job) -> None:
    raise texts.Unreadable("It could not be done within an hour.")


@transaction.atomic
def finish(model: type[J], pk: int, work: Callable[[J], None]) -> None:
    """Do `work` on a waiting job and save it as done, or as failed where it raises Unreadable.

    Nothing happens where the job is gone, finished, or in another worker's hands.
    """
    waiting = model._default_manager.select_for_update(skip_locked=True, of=("self",), no_key=True)
    job = waiting.filter(pk=pk, state=Job.State.WAITING).first()
    if job is None:
        return
    try:
        work(job)
    except texts.Unreadable as reason:
        job.state, job.error = Job.State.FAILED, str(reason)
    else:
        job.state = Job.State.DONE
    job.finished_at = timezone.now()
    job.save()


def read_document(document: Document) -> None:
    """Its text, and how many words it has."""
    document.text = texts.decoded(bytes(document.content))
    document.words = texts.count_words(document.text)


def run_extract(extract: Extract) -> None:
    """Find the headings or the e-mail addresses of a document."""
    find = texts.headings if extract.what == Extract.What.HEADINGS else texts.addresses
    extract.found = find(extract.document.text)


def run_analysis(analysis: Analysis) -> None:
    """Count the words of a document."""
    analysis.frequencies = texts.frequencies(analysis.document.text)


def run_export(export: Export) -> None:
    """Return the thread without its deleted messages."""
    if export.thread.deleted_at:
        raise texts.Unreadable("The thread was deleted.")
    messages = export.thread.messages.filter(deleted_at=None).select_related("author").order_by("pk")
    written = [texts.Written(message.author.username, message.created_at, message.body) for message in messages]
    export.markdown = texts.markdown(export.thread.title, written)
    export.messages = len(written)
