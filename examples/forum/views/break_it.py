"""A part of the running stack broken by a button, under a load that counts what arrives. With `make run` only.

Input: a request of staff. Output: JSON for the page's script. The runner of `make run` does the work (dev/breaks.py),
so the web process needs no rights of its own. The status needs no session, because sessions are in Postgres, which may
be away: the page holds a signed pass instead.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core import signing
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from examples.forum.runner import RunnerAway, ask
from examples.forum.views.pages import SignedIn, for_staff

#: The requests of the page, with the label of the button.
START = "start load"
BUTTONS: Final = {
    "kill worker-live": "Kill a worker",
    "stop valkey": "Stop Redis",
    "freeze edge": "Freeze the edge",
    "restart postgres": "Restart Postgres",
}

#: By part, the sentence about its missing button.
_YOURS: Final = {
    "valkey": "Redis is your own server (CLARION_BROKER_URL), so this page does not stop it.",
    "postgres": "Postgres is your own server (DATABASE_URL), so this page does not restart it.",
}

#: How long an open page may ask for the status (seconds).
_PASS_SECONDS: Final = 8 * 3600
_SALT: Final = "forum.break-it"

_Respond = Callable[..., HttpResponse]


def card(user: User) -> dict[str, Any] | None:
    """Return the contents of the card; None without a runner."""
    if settings.FORUM_BREAK_SOCKET is None:
        return None
    contents: dict[str, Any] = {"start": START, "pass": signing.dumps(user.pk, salt=_SALT)}
    try:
        answer = ask("status")
    except RunnerAway as error:
        return contents | {"away": f"{error}."}
    return contents | {
        "buttons": {one: label for one, label in BUTTONS.items() if one in answer["requests"]},
        "absent": [_YOURS[part] for part in answer["absent"]],
    }


def _with_runner(respond: _Respond) -> _Respond:
    """Answer 404 without a runner, and 503 with a sentence while the runner or Postgres is away."""

    @wraps(respond)
    def view(request: HttpRequest) -> HttpResponse:
        if settings.FORUM_BREAK_SOCKET is None:
            raise Http404
        try:
            return respond(request)
        except RunnerAway as error:
            return JsonResponse({"detail": f"{error}."}, status=503)
        except (InterfaceError, OperationalError):
            return JsonResponse({"detail": "Postgres is away: try again in a moment."}, status=503)

    return view


@require_POST
@_with_runner
@login_required
def request_break(request: SignedIn) -> HttpResponse:
    """Break a part or start the load, as `what` says; 409 with a sentence if the runner refuses."""
    for_staff(request)
    what = request.POST.get("what", "")
    if what != START and what not in BUTTONS:
        return JsonResponse({"detail": "There is no such button."}, status=422)
    answer = ask(what)
    if error := answer.get("error"):
        return JsonResponse({"detail": error}, status=409)
    return JsonResponse({}, status=202)


@require_GET
@_with_runner
def status(request: HttpRequest) -> HttpResponse:
    """Return the states of the parts and the counts of the load, to a page that holds a pass."""
    try:
        signing.loads(request.headers.get("X-Pass", ""), salt=_SALT, max_age=_PASS_SECONDS)
    except signing.BadSignature:
        return JsonResponse({"detail": "Reload this page: its pass has expired."}, status=403)
    answer = ask("status")
    return JsonResponse({name: answer[name] for name in ("parts", "load", "load_runs")})
