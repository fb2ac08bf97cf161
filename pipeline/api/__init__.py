"""The HTTP API: a user's own inbox, the token that opens a socket, events of services, and the health of the web app.

    inbox.py     snapshot, list, read, unread, delete, mutes
    tokens.py    the JWT for a socket
    events.py    events from other services
    health.py    /health and /metrics
    auth.py      a session, or a Bearer token
    provider.py  tokens of an identity provider
    schemas.py   what goes in and out
    strict.py    values of a body that cannot be stored, and where they are
    document.py  the OpenAPI document

Put `path("api/", api.urls)` into the app's urls; the OpenAPI document is at `docs` below it.
"""

from django.http import HttpRequest, HttpResponse

from ..inbox.marking import NoSuchNotification
from ..inbox.mutes import NoSuchMute
from . import events, health, inbox, tokens
from .auth import bearer, session
from .document import DocumentedAPI

api = DocumentedAPI(
    title="Clarion",
    version="1",
    description="A user's own inbox. Every change made here reaches all of that user's sockets.",
    # The token first: a session without the CSRF token is rejected, even if the request has a bearer token.
    auth=[bearer, session],
    urls_namespace="clarion",
)
api.add_router("", inbox.router, tags=["inbox"])
api.add_router("", tokens.router, tags=["tokens"])
api.add_router("", events.router, tags=["events"])
api.add_router("", health.router, tags=["health"])


@api.exception_handler(NoSuchNotification)
@api.exception_handler(NoSuchMute)
def _not_found(request: HttpRequest, error: Exception) -> HttpResponse:
    return api.create_response(request, {"detail": str(error)}, status=404)
