"""Records events of other services, which authenticate with a service token.

The same can be sent as a Celery message to the task `pipeline.record`; both take the same fields and answer the same
errors.
"""

import hmac
from typing import Any

from django.http import HttpRequest
from ninja import Router, Status
from ninja.errors import HttpError
from ninja.security import HttpBearer

from ...shared.settings import get_settings
from .. import events
from ..errors import InvalidEvent, KeyConflict, UndeclaredEvent
from ..outbox.recording import UNNAMED_SERVICE, record_named
from . import schemas
from .strict import misfit


class ServiceToken(HttpBearer):
    """One of CLARION_SERVICE_TOKENS."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """Return the name of the service with this token, compared in constant time; None rejects the request."""
        names = [name for name, known in get_settings().services if hmac.compare_digest(token.encode(), known.encode())]
        return (names[0] or UNNAMED_SERVICE) if names else None


service = ServiceToken()
router = Router(auth=service)


@router.post("/events", response={202: schemas.Recorded, 409: schemas.Error, 422: schemas.Error})
def record_event(request: HttpRequest, event: schemas.EventIn) -> Status[schemas.Recorded]:
    """Record one event. The same name and key are the same event, also if it is sent again.

    A service has keys of its own. 409: the key was recorded with another payload.
    """
    if found := misfit(event.payload, "payload"):
        raise HttpError(422, found)
    service: str = request.auth  # type: ignore[attr-defined]  # set by ServiceToken
    try:
        event_id = record_named(
            event.name, event.payload, key=event.key, service=service, actor_id=event.actor_id, source=event.source
        )
    except KeyConflict as error:
        raise HttpError(409, str(error)) from error
    except (UndeclaredEvent, InvalidEvent) as error:
        raise HttpError(422, str(error)) from error
    return Status(202, schemas.Recorded(event_id=event_id))


@router.get("/events/schemas", response=dict[str, Any])
def event_schemas(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON schema of each event's payload, by its name."""
    declared = sorted(events.all_declared().items())
    return {name: event.model_json_schema() for name, event in declared if event.from_services}
