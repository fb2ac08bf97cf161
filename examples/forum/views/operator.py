"""Bursts by a button, for the operator of the demo: start one, watch it, read its timeline."""

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, Sum
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.outbox.timeline import lines_of
from examples.forum.burst_users import BURST_SPEAKER, gather
from examples.forum.forms import BurstForm
from examples.forum.views.break_it import card
from examples.forum.views.pages import SignedIn, for_staff


@require_http_methods(["GET", "POST"])
@login_required
def operator(request: SignedIn) -> HttpResponse:
    """Show the form; POST starts a burst."""
    for_staff(request)
    form = BurstForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        key, _ = gather(form.cleaned_data["recipients"], speaker=BURST_SPEAKER).post()
        return redirect("burst", get_object_or_404(Event, key=key).pk)
    context = {"form": form, "break_it": card(request.user)}
    return render(request, "forum/operator.html", context)


@require_GET
@login_required
def burst(request: SignedIn, event_id: int) -> HttpResponse:
    """One burst with its progress and timeline, as JSON for the page's script."""
    for_staff(request)
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
    lines = lines_of(event)
    context = {"form": BurstForm(), "event": event, "progress": progress, "story": lines[:40], "more": len(lines) - 40}
    return render(request, "forum/operator.html", context)
