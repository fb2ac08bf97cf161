"""The content security policy: pages load from this site only, and sockets go to the edge only.

Input: a request. Output: its response, with the policy. Pages hold no inline scripts and no inline styles.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.http.request import split_domain_port

_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'; connect-src 'self' {edge}"
)


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware that sets the header on every response."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        policy = _POLICY.format(edge=_edge(request))
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return respond


def _edge(request: HttpRequest) -> str:
    """Return the edge's origins, for sockets and for Server-Sent Events."""
    host, port = split_domain_port(request.get_host())
    port = str(settings.FORUM_EDGE_PORT or port)
    # The policy's grammar has no IPv6 addresses.
    address = ("*" if host.startswith("[") else host) + (f":{port}" if port else "")
    return f"wss://{address} https://{address}" if request.is_secure() else f"ws://{address} http://{address}"
