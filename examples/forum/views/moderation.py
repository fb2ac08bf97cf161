"""What moderators do to a thread or a message, by a form that asks for the reason."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from examples.forum.forms import ModerationForm
from examples.forum.models import Message, ModerationAction, Thread
from examples.forum.moderation import NotModerator, moderate
from examples.forum.views.pages import SignedIn

Action = ModerationAction.Action


@require_POST
@login_required
def moderate_thread(request: SignedIn, pk: int) -> HttpResponse:
    """Lock, pin or delete a thread, or take that back."""
    return _moderate(request, get_object_or_404(Thread, pk=pk), tuple(Action))


@require_POST
@login_required
def moderate_message(request: SignedIn, pk: int) -> HttpResponse:
    """Delete or restore a message."""
    message = get_object_or_404(Message.objects.select_related("thread"), pk=pk)
    return _moderate(request, message, (Action.DELETE, Action.RESTORE))


def _moderate(request: SignedIn, what: Thread | Message, allowed: tuple[Action, ...]) -> HttpResponse:
    form = ModerationForm(allowed, request.POST)
    if not request.user.is_staff:
        raise PermissionDenied
    if not form.is_valid():
        return render(request, "forum/moderate.html", {"form": form, "what": what}, status=400)
    try:
        moderate(request.user, what, Action(form.cleaned_data["action"]), reason=form.cleaned_data["reason"])
    except NotModerator as error:
        raise PermissionDenied from error
    return redirect(what)
