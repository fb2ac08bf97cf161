"""Liveness and metrics of the web app, and the backlog of the pipeline."""

from pathlib import Path

from django.db import connection
from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.errors import HttpError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ...shared.settings import get_settings
from .. import backlog
from .auth import session
from .events import service

router = Router()


@router.get("/health", auth=None)
def health(request: HttpRequest) -> dict[str, str]:
    """Check that the web app and Postgres answer; 503 while the process drains, for load balancers."""
    drain_file = get_settings().drain_file
    if drain_file is not None and Path(drain_file).exists():
        raise HttpError(503, "about to end")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"status": "ok"}


@router.get("/metrics", include_in_schema=False, auth=[service, session])
def metrics(request: HttpRequest) -> HttpResponse:
    """Return Prometheus metrics of this process and of the backlog, for services (a service token) and staff."""
    if request.user.is_authenticated and not getattr(request.user, "is_staff", False):
        raise HttpError(403, "metrics need a session of a staff user or a service token")
    backlog.note()
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
