"""What a person hears of: a page to choose from, and a thread muted on its own page."""

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from clarion.pipeline.inbox import mutes
from examples.forum.models import Thread
from examples.forum.views.pages import SignedIn, seen_by

#: What people choose by, and the kinds that it stands for.
GROUPS: Final = {
    "Mentions of me": ("MENTION",),
    "Replies to me": ("REPLY",),
    "Messages in threads I write in": ("THREAD_REPLY",),
    "Votes and accepted answers": ("VOTE", "ACCEPTED"),
    "Badges": ("BADGE",),
    "What moderators do": (
        "THREAD_LOCKED", "THREAD_UNLOCKED", "THREAD_PINNED", "THREAD_UNPINNED", "THREAD_DELETED", "THREAD_RESTORED",
        "MESSAGE_DELETED", "MESSAGE_RESTORED",
    ),
    "My documents and jobs": (
        "DOCUMENT_PROCESSED", "DOCUMENT_PROCESSING_FAILED", "DOCUMENT_PUBLICIZED", "EXTRACT_COMPLETE",
        "ANALYSIS_COMPLETE", "ANALYSIS_FAILED", "EXPORT_COMPLETE",
    ),
}  # fmt: skip


@require_GET
@login_required
def settings(request: SignedIn) -> HttpResponse:
    """Show what people choose by; the element of the page reads and changes their mutes."""
    topics = [mute.topic for mute in mutes.mutes_of(request.user.pk) if mute.topic]
    threads = Thread.objects.filter(pk__in=[topic.rpartition(":")[2] for topic in topics if _is_thread(topic)])
    return render(request, "forum/mutes.html", {"groups": GROUPS, "threads": threads})


@require_POST
@login_required
def mute_thread(request: SignedIn, pk: int) -> HttpResponse:
    """Mute or unmute a thread."""
    thread = get_object_or_404(seen_by(request.user), pk=pk)
    if request.POST.get("hear"):
        for mute in mutes.mutes_of(request.user.pk):
            if mute.topic == thread.topic and mute.kind is None:
                mutes.unmute(request.user.pk, mute.pk)
    else:
        mutes.mute(request.user.pk, kind=None, topic=thread.topic)
    return redirect(thread.get_absolute_url())


def _is_thread(topic: str) -> bool:
    name, _, number = topic.rpartition(":")
    return name == "forum.thread" and number.isdecimal()
