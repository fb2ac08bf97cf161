"""Two users side by side, for a first look: a message of one notifies the other on the same screen.

Only where doors are open. Each half has a token of its person's own, so it needs no session of theirs.
"""

from django.conf import settings
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from clarion import get_settings
from clarion.shared.tokens import mint
from examples.forum import posting
from examples.forum.demo_users import PEOPLE
from examples.forum.forms import ReplyForm
from examples.forum.models import Thread

TITLE = "Side by side"
PAIR = PEOPLE[:2]


@require_GET
def side_by_side(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    people = [_person(name) for name in PAIR]
    return render(request, "forum/side_by_side.html", {"people": people})


@require_POST
def token(request: HttpRequest, username: str) -> HttpResponse:
    """Return a socket's token for one of the two."""
    return JsonResponse({"token": mint(_person(username).pk, get_settings())[0]})


@require_POST
def say(request: HttpRequest, username: str) -> HttpResponse:
    """One of the two writes to the other, as a mention in a thread of theirs."""
    author = _person(username)
    other = next(name for name in PAIR if name != username)
    thread = Thread.objects.filter(title=TITLE, author__username=PAIR[0]).first()
    if thread is None:
        thread = Thread.objects.create(title=TITLE, author=_person(PAIR[0]))
    form = ReplyForm(thread, {"body": f"@{other} {request.POST.get('body', '')}"})
    if not form.is_valid():
        return JsonResponse({"detail": form.errors.as_text()}, status=422)
    posting.reply(author, thread, body=form.cleaned_data["body"])
    return JsonResponse({}, status=201)


def _person(username: str) -> User:
    if not settings.FORUM_OPEN_DOORS or username not in PAIR:
        raise Http404
    return get_object_or_404(User, username=username, is_active=True)
