"""Vote for a message, accept it as the answer; each again takes it back. Leads back to the message."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from examples.forum import reputation
from examples.forum.models import Message
from examples.forum.views.pages import SignedIn, message_for


@require_POST
@login_required
def vote(request: SignedIn, pk: int) -> HttpResponse:
    """Vote for a message."""
    return _do(reputation.vote, request, pk)


@require_POST
@login_required
def accept(request: SignedIn, pk: int) -> HttpResponse:
    """Accept an answer."""
    return _do(reputation.accept, request, pk)


def _do(what: Callable[[User, Message], bool], request: SignedIn, pk: int) -> HttpResponse:
    message = message_for(request.user, pk)
    try:
        what(request.user, message)
    except reputation.NotAllowed as error:
        raise PermissionDenied from error
    return redirect(message)
