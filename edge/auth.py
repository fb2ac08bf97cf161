"""What a client offers, to a user id.

Enters: the scope of a handshake, or a token sent in band. Leaves: the identity in a verified token, or TokenRefused
with the reason that the client is told. A token is looked for in the subprotocol, in the Authorization header, in the
query, in this order; the first that is there counts, and a bad one is not made good by a later one.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from shared.protocol import BEARER_PREFIX, SUBPROTOCOL, AuthFailure
from shared.settings import Settings
from shared.tokens import Identity, TokenRefused, verify

Scope = Mapping[str, Any]

#: Digits of the largest cursor; a longer one is no cursor.
CURSOR_MAX_DIGITS = 18


def subprotocol(scope: Scope) -> str | None:
    """The subprotocol to answer: ours, if the client offers it."""
    return SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", ()) else None


def authenticate(scope: Scope, settings: Settings) -> Identity:
    """The identity that opens this socket; raises TokenRefused."""
    token = _offered(scope)
    if token is None:
        raise TokenRefused(AuthFailure.MISSING)
    return verify(token, settings)


def cursor(scope: Scope) -> tuple[int | None, str | None]:
    """`since` and `epoch` of the query; what is no cursor is none."""
    query = _query(scope)
    since = query.get("since", "")
    if not (since.isascii() and since.isdecimal() and len(since) <= CURSOR_MAX_DIGITS):
        return None, None
    return int(since), query.get("epoch")


def _offered(scope: Scope) -> str | None:
    for offered in scope.get("subprotocols", ()):
        if offered.startswith(BEARER_PREFIX):
            return str(offered.removeprefix(BEARER_PREFIX))
    for name, value in scope.get("headers", ()):
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer":
                return str(token.strip())
    return _query(scope).get("token")


def _query(scope: Scope) -> dict[str, str]:
    # Of a repeated parameter the last counts. Nothing here is logged: it may hold a token.
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=20, errors="replace")
    return {name: values[-1] for name, values in query.items()}
