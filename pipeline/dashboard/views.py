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
from ..celery.queues import QUEUES
from ..outbox import dead_letters, pauses
from ..outbox.models import Batch, Event, Pause
from . import actions, charts, sampling, series
from .problems import Picture, findings

#: Stretches of time that can be looked at (hours).
STRETCHES = (1, 6, 24)

#: Rows shown of dead letters and of waiting work.
SHOWN = 20

#: The right that each act needs; `{work}` is `event` or `batch`.
RIGHTS = {
    "replay": "clarion_pipeline.change_{work}",
    "discard": "clarion_pipeline.change_{work}",
    "pause": "clarion_pipeline.add_pause",
    "resume": "clarion_pipeline.delete_pause",
    "drain": "clarion_pipeline.drain_edge",
    "take": "clarion_pipeline.drain_edge",
}


def show(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The page, with the admin's own context."""
    asked = request.GET.get("hours", "")
    hours = int(asked) if asked.isdecimal() and int(asked) in STRETCHES else STRETCHES[0]
    now, stretch = timezone.now(), timedelta(hours=hours)
    samples = sampling.history(stretch, timedelta(seconds=SAMPLE_EVERY_SECONDS))
    # Where it has not been watched for so long, the lines have the whole width.
    begin = max(now - stretch, samples[0][0]) if samples else now - stretch
    waiting = dict.fromkeys(Pause.objects.values_list("kind", flat=True), 0) | pauses.waiting()
    seen, edges = backlog.look(), sampling.edges()
    picture = Picture(now, seen, edges, samples[-1][0] if samples else None, waiting)
    drawn = {
        "Hints on each queue": ("", series.of_queues(samples, QUEUES, "depth")),
        "Age of the oldest work": ("s", series.of_queues(samples, QUEUES, "oldest")),
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
                (queue, (seen.hints or {}).get(queue), f"{seen.oldest_seconds(queue):,.1f} s") for queue in QUEUES
            ],
            "unfinished": seen.unfinished,
            "plots": [(title, charts.plot(title, unit, lines, begin, now)) for title, (unit, lines) in drawn.items()],
            "edges": edges or (),
            "paused": [(pause, waiting[pause.kind]) for pause in Pause.objects.order_by("kind")],
            "kinds": sorted(kind.name for kind in kinds.all_declared()),
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


def act(request: HttpRequest) -> HttpResponse:
    """Run the requested action and redirect to the page; raise PermissionDenied."""
    what, work = request.POST.get("act", ""), request.POST.get("work", "event")
    if what not in RIGHTS or work not in dead_letters.KINDS:
        raise PermissionDenied
    if not request.user.has_perm(RIGHTS[what].format(work=work)):
        raise PermissionDenied
    try:
        level, told = _done(request, what, work)
    except (RedisError, OSError):
        level, told = messages.ERROR, "The channel layer does not answer: the edge was not asked."
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
            actions.pause(user, name)
            return messages.SUCCESS, f"The kind {name} is paused, within a second."
        case "resume" if name:
            return messages.SUCCESS, f"The kind {name} goes on; {actions.resume(user, name)} had waited."
        case "drain" | "take" if name:
            heard = (actions.drain if what == "drain" else actions.take)(user, name)
            return (messages.SUCCESS, f"The edge {name} was told.") if heard else (
                messages.WARNING, f"No edge {name} listens."
            )  # fmt: skip
    return messages.ERROR, "Say which."


def _parked() -> list[tuple[str, Event | Batch, str]]:
    """The newest dead letters, each with the last line of its error."""
    found: list[tuple[str, Event | Batch]] = [
        *(("event", event) for event in Event.objects.filter(state="failed").order_by("-pk")[:SHOWN]),
        *(
            ("batch", batch)
            for batch in Batch.objects.filter(state="failed").order_by("-pk").defer("recipients")[:SHOWN]
        ),
    ]
    return [(work, row, row.error.strip().rsplit("\n", 1)[-1]) for work, row in found]
