"""Document, Extract, Analysis and Export: what people have the forum do for them, and what came of it.

Each row is a job: it waits until a worker has done it, then it is done or has failed, once and for all. A Collection
gathers documents, and its owners hear of what becomes of them.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from examples.forum.models.messages import TITLE_MAX_LENGTH, Thread
from examples.forum.models.transactional import Recorded

#: Why a job failed, in a sentence (characters).
ERROR_MAX_LENGTH = 200


class Collection(models.Model):
    """Documents that belong together, and who looks after them."""

    name = models.CharField(max_length=TITLE_MAX_LENGTH, unique=True)
    owners = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="collections")

    def __str__(self) -> str:
        return self.name


class Job(Recorded):
    """Base of jobs: the user who started it, and its state."""

    class State(models.TextChoices):
        """A job waits first; the other two are final."""

        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    starter = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="%(class)s_jobs")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING, editable=False)
    error = models.CharField(max_length=ERROR_MAX_LENGTH, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True
        indexes: ClassVar = [
            # For the sweep; jobs wait for moments, so that it stays small.
            models.Index(fields=["created_at"], name="forum_%(class)s_waiting", condition=models.Q(state="waiting"))
        ]


class Document(Job):
    """An uploaded text, and the result of its analysis."""

    title = models.CharField(max_length=TITLE_MAX_LENGTH)
    content = models.BinaryField()
    collections = models.ManyToManyField(Collection, blank=True, related_name="documents")
    text = models.TextField(blank=True, editable=False)
    words = models.IntegerField(default=0, editable=False)
    #: The user who made it public; null while it is not.
    publisher = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the address of the document's page."""
        return reverse("document", args=[self.pk])

    @property
    def topic(self) -> str:
        """The topic of the document and its jobs; its page marks it read."""
        return f"forum.document:{self.pk}"


class Extract(Job):
    """Pieces found in a document."""

    class What(models.TextChoices):
        """The kind of extract."""

        ADDRESSES = "addresses", "E-mail addresses"
        HEADINGS = "headings", "Headings"

    document = models.ForeignKey(Document, models.CASCADE, related_name="extracts")
    what = models.CharField(max_length=9, choices=What.choices)
    found = models.JSONField(default=list, editable=False)

    def __str__(self) -> str:
        return f"{self.what} of document {self.document_id}"


class Analysis(Job):
    """Which words a document uses most: `frequencies` are [word, count], the most frequent first."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="analyses")
    frequencies = models.JSONField(default=list, editable=False)

    class Meta(Job.Meta):
        verbose_name_plural = "analyses"

    def __str__(self) -> str:
        return f"analysis of document {self.document_id}"


class Export(Job):
    """A thread as Markdown."""

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="exports")
    markdown = models.TextField(blank=True, editable=False)
    messages = models.IntegerField(default=0, editable=False)

    def __str__(self) -> str:
        return f"export of thread {self.thread_id}"

    def get_absolute_url(self) -> str:
        """Return the address of the export's page."""
        return reverse("export", args=[self.pk])

    @property
    def topic(self) -> str:
        """The topic of the export; its page marks it read."""
        return f"forum.export:{self.pk}"
