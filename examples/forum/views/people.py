"""A person's page with their badges, and one's own inbox."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from clarion.pipeline.inbox import snapshots
from examples.forum import badges
from examples.forum.forms import AwardForm
from examples.forum.models import Message
from examples.forum.views.pages import SignedIn, page_of

MESSAGES_A_PAGE = 20

#: Notifications on the page of the inbox without JavaScript.
SHOWN_PLAINLY = 50


@require_GET
@login_required
def person(request: SignedIn, username: str) -> HttpResponse:
    """Show the badges of a user, and their latest messages."""
    shown = get_object_or_404(User, username=username, is_active=True)
    written = Message.objects.filter(author=shown, deleted_at=None, thread__deleted_at=None)
    context = {
        "person": shown,
        "badges": badges.of(shown),
        "award_form": AwardForm(shown) if request.user.is_staff and request.user != shown else None,
        "page": page_of(request, written.select_related("thread").order_by("-pk"), MESSAGES_A_PAGE),
    }
    return render(request, "forum/person.html", context)


@require_POST
@login_required
def award(request: SignedIn, username: str) -> HttpResponse:
    """Award a badge to another user, as a moderator."""
    shown = get_object_or_404(User, username=username, is_active=True)
    if not request.user.is_staff or request.user == shown:
        raise PermissionDenied
    form = AwardForm(shown, request.POST)
    if form.is_valid():
        badges.award(badges.CATALOGUE[form.cleaned_data["badge"]], shown, by=request.user)
    return redirect("person", shown.username)


@require_GET
@login_required
def inbox(request: SignedIn) -> HttpResponse:
    """Show the user's newest notifications; the element of the page replaces them by a list that is live."""
    newest = snapshots.newest(request.user.pk, limit=SHOWN_PLAINLY).notifications
    return render(request, "forum/inbox.html", {"rows": [_plain(row) for row in newest]})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows without JavaScript; a service may have sent an address of elsewhere."""
    data, address = row["data"], str(row["data"].get("url", ""))
    return {
        "who": (row["actor"] or {}).get("username"),
        "title": data.get("title") or data.get("thread_title") or row["notificationType"],
        "text": data.get("text") or data.get("excerpt"),
        "address": address if url_has_allowed_host_and_scheme(address, None) else "",
        "is_read": row["isRead"],
    }
