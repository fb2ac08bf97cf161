"""An index of the notifications that were marked as unread again.

By itself, because it is made while deliveries go on, outside a transaction: if it fails, nothing else has to be undone.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("clarion_inbox", "0002_read_floor")]

    operations = [
        AddIndexConcurrently(
            "notification",
            models.Index(
                condition=models.Q(("unread_again", True)), fields=["recipient_id", "seq"], name="clarion_unread_again"
            ),
        ),
    ]
