"""What every page knows: where the socket is, and how many notifications its user has not read.

The count is read once a page, so that the bell is right before any script has run.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from clarion.shared.inbox.models import Inbox


def live(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `edge_port`, and `unread` as a function that templates call."""

    def unread() -> int:
        if not request.user.is_authenticated:
            return 0
        return Inbox.objects.filter(user_id=request.user.pk).values_list("unread", flat=True).first() or 0

    return {"edge_port": settings.FORUM_EDGE_PORT, "unread": unread}
