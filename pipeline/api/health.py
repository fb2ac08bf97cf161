"""Whether the web app lives, and what it has counted."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.errors import HttpError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

router = Router()


@router.get("/health", auth=None)
def health(request: HttpRequest) -> dict[str, str]:
    """The web app answers, and so does Postgres."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"status": "ok"}


@router.get("/metrics", include_in_schema=False)
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics of this process, for staff."""
    if not getattr(request.user, "is_staff", False):
        raise HttpError(403, "metrics are for staff")
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
