"""`manage.py new_epoch`: after a backup was restored, so that clients read their inboxes again."""

from typing import Any

from django.core.management.base import BaseCommand

from ....shared.inbox.models import Epoch
from ...epoch import new_value


class Command(BaseCommand):
    """Begin a new epoch: every client reads its inbox anew."""

    help = "Begin a new epoch, after a backup was restored: every client reads its inbox anew."

    def handle(self, **_: Any) -> None:
        """Write a value that was never used before."""
        epoch, _created = Epoch.objects.update_or_create(id=1, defaults={"value": new_value()})
        self.stdout.write(f"The epoch is {epoch.value} now. Open sockets follow within half a minute.")
