"""An erasure beside deliveries never waits while it holds rows that others need."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, transaction

from clarion.pipeline import delivery
from clarion.pipeline.inbox import personal
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Collapse, Notification
from tests.factories import inbox_of
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)


def test_erasure_beside_locked_rows(people: list[User]) -> None:
    """An erasure leaves locked rows for later and holds no lock meanwhile.

    With locks on rows of several users, taken in no order, it deadlocked with a delivery that collapses.
    """
    actor, ann, ben, *_ = people
    for number in range(2):
        event = ThingHappened(gathered=(ann.pk, ben.pk))
        delivery.expand(record(event, key=f"{number}", actor_id=actor.pk))
    named = {"actors__contains": [{"id": str(actor.pk)}]}
    rows = Notification.objects.filter(**named)
    assert {row.recipient_id for row in rows} == {inbox_of(ann), inbox_of(ben)}

    def erase() -> None:
        personal.erase(actor.pk)
        connections.close_all()

    erasing = threading.Thread(target=erase)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM clarion_inbox WHERE user_id = %s FOR NO KEY UPDATE", [inbox_of(ben)])
        erasing.start()
        while Collapse.objects.filter(recipient_id=inbox_of(ann), **named).exists():
            erasing.join(0.01)
        # It is finished with ann and waits for ben, whose inbox is locked here, as by a delivery. Ann's are free.
        cursor.execute("SELECT 1 FROM clarion_inbox WHERE user_id = %s FOR NO KEY UPDATE NOWAIT", [inbox_of(ann)])
        assert erasing.is_alive()
    erasing.join(10)
    assert not erasing.is_alive()
    assert not rows.all().exists()
