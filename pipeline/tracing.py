"""The W3C trace context of what is being done, from the request to the frame.

Enters: the `traceparent` header of a request, by the middleware; or a context set by hand. Leaves: what `record` keeps
with the event. From there it goes along: in the headers of each task, in the announcement, in the frame. None is
invented: where nobody traces, nothing is carried.
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
    """The trace context of what is being done, if it is traced."""
    return _current.get()


@contextmanager
def tracing(traceparent: str | None) -> Iterator[None]:
    """Do something within a trace; what is no traceparent is none."""
    token = _current.set(traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None)
    try:
        yield
    finally:
        _current.reset(token)


def trace_context(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: whatever a request records belongs to the request's trace."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with tracing(request.headers.get("traceparent")):
            return get_response(request)

    return middleware
