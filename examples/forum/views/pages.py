"""What pages share: the signed-in request, lists cut into pages, and what a person may see."""

from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from examples.forum.models import Message, Thread


class SignedIn(HttpRequest):
    """A request behind `login_required`."""

    user: User


def page_of(request: HttpRequest, found: "QuerySet[Any, Any]", size: int) -> "Page[Any]":
    """Return the page of `?page=`, or the nearest one."""
    return Paginator(found, size).get_page(request.GET.get("page"))


def seen_by(user: User) -> "QuerySet[Thread]":
    """The threads that a person may see: moderators also those that were deleted."""
    return Thread.objects.all() if user.is_staff else Thread.objects.filter(deleted_at=None)


def message_for(user: User, pk: int) -> Message:
    """A message in a thread that this person may see, with its thread and author; otherwise Http404."""
    rows = Message.objects.select_related("thread", "author")
    return get_object_or_404(rows.filter(thread__in=seen_by(user)), pk=pk)
