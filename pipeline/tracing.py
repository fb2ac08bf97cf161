"""The W3C trace context of an event, from the request to the frame.

Input: the `traceparent` header of a request, read by the middleware, or a context that is set by the caller. Output:
the context that `record` stores with the event. It is passed on in the headers of each task, in the announcement and
in the frame. If a request has no context, none is created.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

#: version 00, trace id, parent id, flags; neither id all zeros (W3C Trace Context, 3.2).
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current() -> str | None:
    """Return the current trace context, if there is one."""
    return _current.get()


@contextmanager
def tracing(traceparent: str | None) -> Iterator[None]:
    """Run a block within a trace; a malformed traceparent is ignored."""
    token = _current.set(traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None)
    try:
        yield
    finally:
        _current.reset(token)


def trace_context(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: events that a request records belong to its trace."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with tracing(request.headers.get("traceparent")):
            return get_response(request)

    return middleware
