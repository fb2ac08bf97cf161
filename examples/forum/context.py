"""What every page knows: where the socket is, and in development the people to switch to."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from examples.forum.demo_users import PEOPLE


def live(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `edge_port`, and `others`, whom one click signs in as."""
    others = [name for name in PEOPLE if name != request.user.get_username()] if settings.FORUM_OPEN_DOORS else []
    return {"edge_port": settings.FORUM_EDGE_PORT, "others": others}
