"""A person's page with their badges, and one's own inbox."""

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from examples.forum import badges
from examples.forum.forms import AwardForm
from examples.forum.models import Message
from examples.forum.views.pages import SignedIn, page_of

MESSAGES_A_PAGE = 20


@require_GET
@login_required
def person(request: SignedIn, username: str) -> HttpResponse:
    """The badges of a user, and their latest messages."""
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
    """A moderator awards a badge to another user."""
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
    """The person's notifications; the list is filled by the page's script."""
    return render(request, "forum/inbox.html")
