"""The token that opens a socket, for whoever is signed in."""

from django.http import HttpRequest
from ninja import Router

from pipeline.api import schemas
from pipeline.api.auth import session, user_id
from shared.settings import load
from shared.tokens import mint

router = Router()


@router.post("/token", response=schemas.SocketToken, auth=session)
def token(request: HttpRequest) -> schemas.SocketToken:
    """A JWT for the session's user. Only a session gets one: a token cannot prolong itself."""
    text, expires_at = mint(user_id(request), load())
    return schemas.SocketToken(token=text, expires_at=expires_at)
