"""The operators' menu: health, events, dead letters, runbook, and what else watches the system.

Input: a request. Output: the pages that its user may view, with the number of dead letters; nothing for other users.
It costs one short statement by an index of unfinished rows.
"""

import re
from typing import NamedTuple

from django.db import connection
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from ...shared.settings import get_settings

_DEAD_LETTERS = """
SELECT (SELECT count(*) FROM clarion_event WHERE state = 'failed')
     + (SELECT count(*) FROM clarion_batch WHERE state = 'failed')
"""


class Page(NamedTuple):
    """One entry. `number` is None where nothing is counted."""

    name: str
    address: str
    number: int | None = None


def pages(request: HttpRequest) -> list[Page]:
    """Return the entries for the user of this request; none in a project without Django's admin."""
    if not _may_view(request):
        return []
    try:
        health = reverse("admin:clarion_pipeline_health")
    except NoReverseMatch:
        return []
    found = [Page("Health", health), Page("Dead letters", f"{health}#dead-letters", dead_letters(request))]
    if request.user.has_perm("clarion_pipeline.view_event"):
        found.insert(1, Page("Events", reverse("admin:clarion_pipeline_event_changelist")))
    found.append(Page("Runbook", reverse("admin:clarion_pipeline_runbook")))
    settings = get_settings()
    if settings.public_flower_port:
        host = re.sub(r":\d+$", "", request.get_host())
        found.append(Page("Flower", f"{request.scheme}://{host}:{settings.public_flower_port}/"))
    if settings.grafana_url:
        found.append(Page("Grafana", settings.grafana_url))
    return found


def dead_letters(request: HttpRequest) -> int:
    """Return the number of dead letters; 0 for a user who may not view it."""
    if not _may_view(request):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_DEAD_LETTERS)
        (count,) = cursor.fetchone()
    return int(count)


def _may_view(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and user.is_staff and user.has_perm("clarion_pipeline.view_sample")
