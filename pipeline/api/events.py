"""Events from other services: recorded like the web app's own, by whoever holds a service token.

The same can be sent as a Celery message to the task `pipeline.record`; both take the same fields and answer the same
errors.
"""

import hmac
from typing import Any

from django.http import HttpRequest
from ninja import Router, Status
from ninja.errors import HttpError
from ninja.security import HttpBearer

from pipeline import events
from pipeline.api import schemas
from pipeline.errors import InvalidEvent, UndeclaredEvent
from pipeline.outbox.recording import record_named
from shared.settings import load


class ServiceToken(HttpBearer):
    """One of CLARION_SERVICE_TOKENS."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """Whether the token is known; compared in constant time."""
        known = (key.get_secret_value() for key in load().service_tokens)
        return any(hmac.compare_digest(token.encode(), key.encode()) for key in known) or None


service = ServiceToken()
router = Router(auth=service)


@router.post("/events", response={202: schemas.Recorded, 422: schemas.Error})
def record_event(request: HttpRequest, event: schemas.EventIn) -> Status[schemas.Recorded]:
    """Record one event. The same key is the same event, however often it is sent."""
    try:
        event_id = record_named(event.name, event.payload, key=event.key, actor_id=event.actor_id, source=event.source)
    except (UndeclaredEvent, InvalidEvent) as error:
        raise HttpError(422, str(error)) from error
    return Status(202, schemas.Recorded(event_id=event_id))


@router.get("/events/schemas", response=dict[str, Any])
def event_schemas(request: HttpRequest) -> dict[str, Any]:
    """The JSON schema of each event's payload, by its name."""
    return {name: event.model_json_schema() for name, event in sorted(events.all_declared().items())}
