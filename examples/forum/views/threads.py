"""Threads and messages: read, start, reply."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Page
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Lower
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_GET, require_http_methods

from clarion.pipeline.inbox.mutes import mutes_of
from examples.forum.burst_users import SPEAKERS
from examples.forum.forms import ReplyForm, ThreadForm
from examples.forum.mentions import mentioned_names
from examples.forum.models import Message, ModerationAction, Thread, Vote
from examples.forum.posting import reply, start_thread
from examples.forum.views.pages import SignedIn, page_of, seen_by

THREADS_A_PAGE = 20
MESSAGES_A_PAGE = 50


@require_GET
@login_required
def threads(request: SignedIn) -> HttpResponse:
    """All threads of people: the pinned ones, and then those written in last."""
    found = _with_activity(seen_by(request.user).exclude(author__username__in=SPEAKERS))
    return render(request, "forum/threads.html", {"page": page_of(request, found, THREADS_A_PAGE)})


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
    """One page of a thread; POST replies to it. Of a deleted one people see only why, with status 410."""
    subject = get_object_or_404(Thread.objects.select_related("author", "acceptance"), pk=pk)
    if subject.deleted_at and not request.user.is_staff:
        gone = {"thread": subject, "last_action": _last_action(subject)}
        response = render(request, "forum/deleted.html", gone, status=410)
        # Browsers keep a 410 for good where nothing is said, and the thread may be restored.
        add_never_cache_headers(response)
        return response
    form = ReplyForm(subject, request.POST if request.method == "POST" else None)
    if form.is_valid():
        body, parent = form.cleaned_data["body"], form.cleaned_data["parent"]
        return redirect(reply(request.user, subject, body=body, parent=parent))

    page = page_of(request, _with_reputation(Message.objects.filter(thread=subject), request.user), MESSAGES_A_PAGE)
    context = {
        "thread": subject,
        "last_action": _last_action(subject),
        "page": page,
        "form": form,
        "replying_to": _replying_to(request, subject),
        "people": _known(_mentioned_names(page)),
        "is_muted": any(m.topic == subject.topic and m.kind is None for m in mutes_of(request.user.pk)),
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


def _last_action(subject: Thread) -> ModerationAction | None:
    """Why a thread is gone, or is locked: the last time that moderators did so."""
    if not (subject.is_locked or subject.deleted_at):
        return None
    done = ModerationAction.objects.filter(thread=subject, message=None).select_related("moderator")
    return done.filter(action="delete" if subject.deleted_at else "lock").order_by("-pk").first()


def _mentioned_names(messages: "Page[Message]") -> set[str]:
    """All names mentioned on a page."""
    return {name for message in messages for name in mentioned_names(message.body)}


def _known(names: set[str]) -> dict[str, str]:
    """Return the addresses of the names that exist."""
    if not names:
        return {}
    users = User.objects.filter(is_active=True).alias(name=Lower("username")).filter(name__in=names)
    return {
        username.lower(): reverse("person", args=[username]) for username in users.values_list("username", flat=True)
    }


def _with_activity(found: "QuerySet[Thread]") -> "QuerySet[Thread, Any]":
    there = Q(messages__deleted_at=None)
    latest = Message.objects.filter(thread=OuterRef("pk"), deleted_at=None).order_by("-pk")
    return (
        found.select_related("author")
        .annotate(
            replies=Count("messages", filter=there) - 1,
            last_at=Max("messages__created_at", filter=there, default=F("created_at")),
            last_author=Subquery(latest.values("author__username")[:1]),
        )
        .order_by("-is_pinned", "-last_at", "-pk")
    )


def _with_reputation(found: "QuerySet[Message]", reader: User) -> "QuerySet[Message, Any]":
    """Messages in order, with their votes, the reader's among them, and why they are gone where they are."""
    votes = Vote.objects.filter(message=OuterRef("pk"))
    count = votes.order_by().values("message").annotate(n=Count("pk")).values("n")
    deleted = ModerationAction.objects.filter(message=OuterRef("pk"), action="delete").order_by("-pk")
    return (
        found.select_related("author", "parent__author")
        .annotate(
            score=Coalesce(Subquery(count), 0),
            voted=Exists(votes.filter(voter=reader)),
            deleted_by=Subquery(deleted.values("moderator__username")[:1]),
            deleted_for=Subquery(deleted.values("reason")[:1]),
        )
        .order_by("pk")
    )


def _replying_to(request: SignedIn, subject: Thread) -> Message | None:
    """Return the message to reply to, from `?reply_to=` or from the form that is shown again."""
    asked = request.POST.get("parent") or request.GET.get("reply_to") or ""
    if not (asked.isascii() and asked.isdecimal()):
        return None
    found = Message.objects.filter(thread=subject, pk=asked, deleted_at=None)
    return found.select_related("author").first()
