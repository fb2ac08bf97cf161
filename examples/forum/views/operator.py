"""Bursts by a button, for the operator of the demo: start one, watch it, read its timeline."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, Sum
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.outbox.timeline import story
from examples.forum.burst_users import gather
from examples.forum.forms import BurstForm
from examples.forum.views.pages import SignedIn


@require_http_methods(["GET", "POST"])
@login_required
def operator(request: SignedIn) -> HttpResponse:
    """The form; POST starts a burst."""
    _for_staff(request)
    form = BurstForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        key, _ = gather(form.cleaned_data["recipients"], speaker="burst-speaker").post()
        return redirect("burst", get_object_or_404(Event, key=key).pk)
    return render(request, "forum/operator.html", _context(request) | {"form": form})


@require_GET
@login_required
def burst(request: SignedIn, event_id: int) -> HttpResponse:
    """One burst with its progress and timeline, as JSON for the page's script."""
    _for_staff(request)
    event = get_object_or_404(Event, pk=event_id)
    batches = Batch.objects.filter(event=event)
    done = batches.aggregate(all=Count("pk"), done=Count("pk", filter=Q(state="done")), stored=Sum("stored"))
    ended = event.finished_at
    progress = {
        "state": event.state,
        "recipients": event.recipients,
        "stored": done["stored"] or 0,
        "batches": done["all"],
        "batches_done": done["done"],
        "seconds": None if ended is None else round((ended - event.recorded_at).total_seconds(), 3),
    }
    if request.headers.get("accept") == "application/json":
        return JsonResponse(progress)
    lines = story(event)
    context = {"form": BurstForm(), "event": event, "progress": progress, "story": lines[:40], "more": len(lines) - 40}
    return render(request, "forum/operator.html", _context(request) | context)


def _for_staff(request: SignedIn) -> None:
    if not request.user.is_staff:
        raise PermissionDenied


def _context(request: SignedIn) -> dict[str, str | None]:
    port = settings.FORUM_FLOWER_PORT
    host = request.get_host().rpartition(":")[0] or request.get_host()
    return {"flower": f"{request.scheme}://{host}:{port}/" if port else None}
