"""The forum with people in it, as tests act there: through its pages, each as a signed-in person."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clarion.pipeline.outbox.models import Event
from examples.forum import tasks
from examples.forum.models import Analysis, Collection, Document, Export, Extract, Message, Thread
from tests.factories import MessageFactory, ThreadFactory, UserFactory

TEXT = "# Dough\n\nFlour and water, flour and salt. Ask ann@here.example."


@dataclass
class Forum:
    """Ann's thread, in which ben has answered and cleo has written; mia moderates; eva and dan own a collection."""

    people: dict[str, User]
    thread: Thread
    answer: Message
    collection: Collection

    def client(self, name: str) -> Client:
        """A browser in which `name` is signed in."""
        client = Client()
        client.force_login(self.people[name])
        return client

    def post(self, name: str, path: str, /, **fields: Any) -> int:
        """Post as `name`; return the status."""
        return self.client(name).post(path, fields).status_code

    def get(self, name: str, path: str) -> tuple[int, str]:
        """Get a page as `name`; return the status and the text."""
        response = self.client(name).get(path)
        return response.status_code, response.content.decode()

    def queries(self, name: str, path: str) -> int:
        """How many statements a page takes."""
        client = self.client(name)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    def moderates(self, what: Thread | Message, *actions: str, by: str = "mia") -> None:
        place = "messages" if isinstance(what, Message) else "threads"
        for action in actions:
            assert self.post(by, f"/{place}/{what.pk}/moderate/", action=action, reason="Because.") == 302

    def add_document(self, text: str = TEXT, by: str = "ann") -> Document:
        """Brought to the collection, and read."""
        fields = {"title": "Recipe", "text": text, "collections": [self.collection.pk]}
        assert self.post(by, "/documents/new/", **fields) == 302
        self.works()
        return Document.objects.latest("pk")

    def works(self) -> None:
        """Do all jobs that wait, as the worker does."""
        waiting: list[tuple[type[Any], Callable[[int], None]]] = [
            (Document, tasks.process_document),
            (Extract, tasks.run_extract),
            (Analysis, tasks.run_analysis),
            (Export, tasks.run_export),
        ]
        for model, task in waiting:
            for pk in model.objects.filter(state="waiting").values_list("pk", flat=True):
                task(pk)


def forum_with_people() -> Forum:
    names = ("ann", "ben", "cleo", "dan", "eva")
    people = {name: UserFactory.create(username=name) for name in names}
    people["mia"] = UserFactory.create(username="mia", is_staff=True)
    thread = ThreadFactory.create(author=people["ann"], title="Bread")
    MessageFactory.create(thread=thread, author=people["ann"], body="Which flour?")
    answer = MessageFactory.create(thread=thread, author=people["ben"], body="Rye.")
    MessageFactory.create(thread=thread, author=people["cleo"])
    collection = Collection.objects.create(name="Recipes")
    collection.owners.set([people["dan"], people["eva"]])
    Event.objects.all().delete()
    return Forum(people, thread, answer, collection)
