"""From a click to a frame: a document is uploaded, a worker reads it, and the recipients get a frame."""

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from examples.forum.models import Collection, Document
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import all_done, person
from tests.client import connected
from tests.processes import Edge, Worker

pytestmark = pytest.mark.django_db(transaction=True)


async def test_document_processed_notification(edge: Edge, valkey: str) -> None:
    """A processed document notifies its starter and the owners of its collections."""
    ann, ben, cleo, dan = await person(), await person(), await person(), await person()
    collection = await Collection.objects.acreate(name="Recipes")
    await collection.owners.aadd(ben, cleo)

    @sync_to_async
    def brings_a_document() -> None:
        client = Client()
        client.force_login(ann)
        fields = {"title": "Bread", "text": "Flour and water.", "collections": [collection.pk]}
        assert client.post("/documents/new/", fields).status_code == 302

    environment = await sync_to_async(on_test_database)()
    with Worker("jobs", queues="events,bursts,jobs", **environment):
        async with connected(edge.url, ann) as anns, connected(edge.url, ben) as bens, connected(edge.url, dan) as dans:
            await brings_a_document()
            for client in (anns, bens):
                (frame,) = await client.changes(1)
                document = await Document.objects.aget()
                assert (frame["notificationType"], frame["actor"]) == ("DOCUMENT_PROCESSED", None)
                assert (frame["unread"], frame["topic"]) == (1, f"forum.document:{document.pk}")
                assert frame["data"] == {
                    "document_id": str(document.pk),
                    "title": "Bread",
                    "document_title": "Bread",
                    "added_by": ann.username,
                    "words": 3,
                    "url": f"/documents/{document.pk}/",
                }
            await all_done()
            for client in (anns, bens, dans):
                await client.nothing_came()
    # Cleo was away: it waits in her inbox.
    async with connected(edge.url, cleo, since=0, epoch="0") as cleos:
        assert (await cleos.changes(1))[0]["notificationType"] == "DOCUMENT_PROCESSED"
