"""The forum's pages, rendered on the server.

Enters: a request of a signed-in person. Leaves: a page, or a redirect after something was posted. Lists are paged;
what is posted goes through `posting.py`, which commits the rows and their events together.
"""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from examples.forum.forms import ReplyForm, ThreadForm
from examples.forum.mentions import mentioned_names
from examples.forum.models import Message, Thread
from examples.forum.posting import reply, start_thread

THREADS_A_PAGE = 20
MESSAGES_A_PAGE = 50


class SignedIn(HttpRequest):
    """A request behind `login_required`."""

    user: User


@require_GET
@login_required
def threads(request: SignedIn) -> HttpResponse:
    """All threads, those written in last first."""
    found = _with_activity(Thread.objects.all())
    return render(request, "forum/threads.html", {"page": _page(request, found, THREADS_A_PAGE)})


@require_http_methods(["GET", "POST"])
@login_required
def new_thread(request: SignedIn) -> HttpResponse:
    """Start a thread."""
    form = ThreadForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        started = start_thread(request.user, title=form.cleaned_data["title"], body=form.cleaned_data["body"])
        return redirect(started)
    return render(request, "forum/new_thread.html", {"form": form}, status=400 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@login_required
def thread(request: SignedIn, pk: int) -> HttpResponse:
    """One page of a thread; POST replies to it."""
    subject = get_object_or_404(Thread.objects.select_related("author"), pk=pk)
    form = ReplyForm(subject, request.POST if request.method == "POST" else None)
    if form.is_valid():
        body, parent = form.cleaned_data["body"], form.cleaned_data["parent"]
        return redirect(reply(request.user, subject, body=body, parent=parent))

    written = Message.objects.filter(thread=subject).select_related("author", "parent__author").order_by("pk")
    page = _page(request, written, MESSAGES_A_PAGE)
    context = {
        "thread": subject,
        "page": page,
        "form": form,
        "replying_to": _replying_to(request, subject),
        "people": _known(mentioned_names_of(page)),
    }
    return render(request, "forum/thread.html", context, status=400 if form.is_bound else 200)


@require_GET
@login_required
def message(request: SignedIn, pk: int) -> HttpResponse:
    """Where a message stands: redirects to its place on its page of the thread."""
    wanted = get_object_or_404(Message.objects.select_related("thread"), pk=pk)
    before = Message.objects.filter(thread=wanted.thread, pk__lt=wanted.pk).count()
    number = before // MESSAGES_A_PAGE + 1
    query = f"?page={number}" if number > 1 else ""
    return redirect(f"{wanted.thread.get_absolute_url()}{query}#message-{wanted.pk}")


@require_GET
@login_required
def person(request: SignedIn, username: str) -> HttpResponse:
    """What a person wrote lately."""
    shown = get_object_or_404(User, username=username, is_active=True)
    written = Message.objects.filter(author=shown).select_related("thread").order_by("-pk")
    return render(request, "forum/person.html", {"person": shown, "page": _page(request, written, THREADS_A_PAGE)})


@require_GET
@login_required
def inbox(request: SignedIn) -> HttpResponse:
    """The person's notifications; the list is filled by the page's script."""
    return render(request, "forum/inbox.html")


def mentioned_names_of(messages: "Page[Message]") -> set[str]:
    """All names mentioned on a page."""
    return {name for message in messages for name in mentioned_names(message.body)}


def _known(names: set[str]) -> dict[str, str]:
    """The addresses of those of these names that somebody has."""
    if not names:
        return {}
    users = User.objects.filter(is_active=True).alias(name=Lower("username")).filter(name__in=names)
    return {
        username.lower(): reverse("person", args=[username]) for username in users.values_list("username", flat=True)
    }


def _with_activity(found: "QuerySet[Thread]") -> "QuerySet[Thread, Any]":
    latest = Message.objects.filter(thread=OuterRef("pk")).order_by("-pk")
    return (
        found.select_related("author")
        .annotate(
            replies=Count("messages") - 1,
            last_at=Max("messages__created_at", default=F("created_at")),
            last_author=Subquery(latest.values("author__username")[:1]),
        )
        .order_by("-last_at", "-pk")
    )


def _replying_to(request: SignedIn, subject: Thread) -> Message | None:
    """The message that the page was asked to reply to, by `?reply_to=` or by the form that is shown again."""
    asked = request.POST.get("parent") or request.GET.get("reply_to") or ""
    if not (asked.isascii() and asked.isdecimal()):
        return None
    return Message.objects.filter(thread=subject, pk=asked).select_related("author").first()


def _page(request: HttpRequest, found: "QuerySet[Any, Any]", size: int) -> "Page[Any]":
    return Paginator(found, size).get_page(request.GET.get("page"))
