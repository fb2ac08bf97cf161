"""Issues and revokes the tokens and tickets that open a socket, for the signed-in user."""

from django.http import HttpRequest
from ninja import Router, Status
from ninja.errors import HttpError
from redis.exceptions import RedisError

from ...shared import tickets
from ...shared.channel_layer import channel_layer
from ...shared.settings import get_settings
from ...shared.tokens import mint
from .. import revocation
from . import schemas
from .auth import session, user_id

router = Router()


@router.post("/token", response=schemas.SocketToken, auth=session)
def token(request: HttpRequest) -> schemas.SocketToken:
    """Return a JWT for the session's user. Only a session gets one, because a token must not prolong itself."""
    text, expires_at = mint(user_id(request), get_settings(), session_key=request.session.session_key)
    return schemas.SocketToken(token=text, expires_at=expires_at)


@router.post("/socket-ticket", response={200: schemas.SocketTicket, 503: schemas.Error}, auth=session)
def socket_ticket(request: HttpRequest) -> dict[str, object]:
    """Return a ticket for one socket of the session's user. It may stand in a URL, because it can be used once only."""
    try:
        ticket = tickets.issue(channel_layer(), user_id(request), session_key=request.session.session_key)
    except (RedisError, OSError) as error:
        raise HttpError(
            503, "the channel layer does not answer, so no ticket was issued; request a token instead"
        ) from error
    return {"ticket": ticket, "expires_in_seconds": tickets.LIFETIME_SECONDS}


@router.post("/log-out-everywhere", response={204: None}, auth=session)
def log_out_everywhere(request: HttpRequest) -> Status[None]:
    """Refuse every token of the session's user, and close their sockets. The app ends its sessions by itself."""
    revocation.revoke(user_id(request))
    return Status(204, None)
