"""Shared functions of the pages: the signed-in request, lists in pages, and permissions to see."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from examples.forum.models import Message, Thread


class SignedIn(HttpRequest):
    """A request behind `login_required`."""

    user: User


def for_staff(request: SignedIn) -> None:
    """Raise PermissionDenied unless the user is a member of the staff."""
    if not request.user.is_staff:
        raise PermissionDenied


def page_of(request: HttpRequest, found: "QuerySet[Any, Any]", size: int) -> "Page[Any]":
    """Return the page of `?page=`, or the nearest one."""
    return Paginator(found, size).get_page(request.GET.get("page"))


def seen_by(user: User) -> "QuerySet[Thread]":
    """Return the threads that a user may see: for moderators also the deleted ones."""
    return Thread.objects.all() if user.is_staff else Thread.objects.filter(deleted_at=None)


def message_for(user: User, pk: int) -> Message:
    """Return a message in a thread that this user may see, with its thread and author; raise Http404 otherwise."""
    rows = Message.objects.select_related("thread", "author")
    return get_object_or_404(rows.filter(thread__in=seen_by(user)), pk=pk)
