"""The operators' page in Django's admin: problems, backlog, dead letters and actions.

Input: a request of a user with the permission to view `clarion_pipeline.sample`. Output: the page; for a POST of a
user with the permission for that action, the action is done and logged. Viewing costs a few short statements, one
request to the broker and one to the channel layer.
"""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from redis.exceptions import RedisError

from .. import backlog, kinds
from ..celery.app import SAMPLE_EVERY_SECONDS
from ..outbox import dead_letters, pauses
from ..outbox.models import Batch, Event, Pause
from . import actions, charts, sampling, series
from .problems import Picture, findings

#: Time ranges of the charts (hours).
STRETCHES = (1, 6, 24)

#: Rows shown of dead letters and of waiting work.
SHOWN = 20

#: The permission that each action needs; `{work}` is `event` or `batch`.
RIGHTS = {
    "replay": "clarion_pipeline.change_{work}",
    "discard": "clarion_pipeline.change_{work}",
    "pause": "clarion_pipeline.add_pause",
    "resume": "clarion_pipeline.delete_pause",
    "drain": "clarion_pipeline.drain_edge",
    "take": "clarion_pipeline.drain_edge",
}

#: Actions that are asked about first, and what they lead to.
ASKED = {
    "discard": "Their recipients will never be notified. This cannot be undone.",
    "drain": "Its clients reconnect to the other edges, and it accepts no sockets until you say so.",
}


def show(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Render the page, with the admin's own context."""
    asked = request.GET.get("hours", "")
    hours = int(asked) if asked.isdecimal() and int(asked) in STRETCHES else STRETCHES[0]
    now, stretch = timezone.localtime(), timedelta(hours=hours)
    samples = sampling.history(stretch, timedelta(seconds=SAMPLE_EVERY_SECONDS))
    # If samples cover less than the range, the lines use the whole width.
    begin = max(now - stretch, timezone.localtime(samples[0][0])) if samples else now - stretch
    waiting = dict.fromkeys(Pause.objects.values_list("kind", flat=True), 0) | pauses.waiting()
    seen, edges = backlog.look(), sampling.edges()
    picture = Picture(now, seen, edges, samples[-1][0] if samples else None, waiting)
    drawn = {
        "Messages on each queue": ("", series.of_queues(samples, backlog.queues(), "depth")),
        "Age of the oldest work": ("s", series.of_queues(samples, backlog.queues(), "oldest")),
        "From commit to socket": ("s", series.of_lag(samples)),
        "Repairs of streams": ("a minute", series.of_repairs(samples)),
        "Dead letters": ("", series.of_dead_letters(samples)),
    }
    return TemplateResponse(
        request,
        "admin/clarion_pipeline/health.html",
        context
        | {
            "title": "Health",
            "findings": findings(picture),
            "queues": [
                (queue, (seen.hints or {}).get(queue), f"{seen.oldest_seconds(queue):,.1f} s")
                for queue in backlog.queues()
            ],
            "unfinished": seen.unfinished,
            "plots": [(title, charts.plot(title, unit, lines, begin, now)) for title, (unit, lines) in drawn.items()],
            "edges": edges or (),
            "paused": [(pause, waiting[pause.kind]) for pause in Pause.objects.order_by("kind")],
            "kinds": sorted(_declared()),
            "parked": _parked(),
            "stuck": Event.objects.filter(state__in=("pending", "expanded")).order_by("recorded_at")[:SHOWN],
            "hours": hours,
            "stretches": STRETCHES,
            "may": {
                act: all(request.user.has_perm(right.format(work=work)) for work in ("event", "batch"))
                for act, right in RIGHTS.items()
            },
        },
    )


def act(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Run the requested action and redirect to the page, or ask first; raise PermissionDenied."""
    what, work = request.POST.get("act", ""), request.POST.get("work", "event")
    if what not in RIGHTS or work not in dead_letters.KINDS:
        raise PermissionDenied
    if not request.user.has_perm(RIGHTS[what].format(work=work)):
        raise PermissionDenied
    if what in ASKED and not request.POST.get("sure"):
        return _ask(request, what, work, context)
    try:
        level, told = _done(request, what, work)
    except (RedisError, OSError):
        level, told = (
            messages.ERROR,
            "The channel layer does not answer, so the edge did not receive the command. Try again.",
        )
    messages.add_message(request, level, told)
    return HttpResponseRedirect(request.get_full_path())


def _done(request: HttpRequest, what: str, work: str) -> tuple[int, str]:
    user: Any = request.user
    name = request.POST.get("name", "").strip()
    match what:
        case "replay" | "discard":
            kind = dead_letters.KINDS[work]
            given = [int(one) for one in request.POST.getlist("id") if one.isdecimal()]
            ids = actions.parked(kind) if request.POST.get("all") else given
            do = actions.replay if what == "replay" else actions.discard
            return messages.SUCCESS, f"{do(user, kind, ids)} {what}ed."
        case "pause" if 0 < len(name) <= pauses.KIND_MAX_LENGTH:
            if name not in _declared() and not request.POST.get("undeclared"):
                return messages.ERROR, f"No kind {name} is declared. If a service sends it, tick the box as well."
            actions.pause(user, name)
            return messages.SUCCESS, f"The kind {name} is paused; workers follow within a second."
        case "resume" if name:
            return (
                messages.SUCCESS,
                f"The kind {name} is resumed; {actions.resume(user, name)} held events and batches are enqueued.",
            )
        case "drain" | "take" if name:
            received = (actions.drain if what == "drain" else actions.take)(user, name)
            return (messages.SUCCESS, f"The edge {name} received the command.") if received else (
                messages.WARNING, f"No edge {name} is subscribed."
            )  # fmt: skip
    return messages.ERROR, "Name the object of the action."


def _declared() -> set[str]:
    return {kind.name for kind in kinds.all_declared()}


def _ask(request: HttpRequest, what: str, work: str, context: dict[str, Any]) -> HttpResponse:
    """Render the question whether the action is meant, with the fields of the request."""
    kind, name = dead_letters.KINDS[work], request.POST.get("name", "").strip()
    count = len(actions.parked(kind)) if request.POST.get("all") else len(request.POST.getlist("id"))
    title = f"Drain the edge {name}?" if what == "drain" else f"Discard {count} {work}{'s' if count != 1 else ''}?"
    fields = [
        (field, value) for field in request.POST if field != "csrfmiddlewaretoken"
        for value in request.POST.getlist(field)
    ]  # fmt: skip
    more = {"title": title, "consequence": ASKED[what], "fields": fields, "back": request.get_full_path()}
    return TemplateResponse(request, "admin/clarion_pipeline/ask.html", context | more)


def _parked() -> list[tuple[str, Event | Batch, str]]:
    """Return the newest dead letters, each with the last line of its error."""
    found: list[tuple[str, Event | Batch]] = [
        *(("event", event) for event in Event.objects.filter(state="failed").order_by("-pk")[:SHOWN]),
        *(
            ("batch", batch)
            for batch in Batch.objects.filter(state="failed").order_by("-pk").defer("recipients")[:SHOWN]
        ),
    ]
    return [(work, row, row.error.strip().rsplit("\n", 1)[-1]) for work, row in found]
