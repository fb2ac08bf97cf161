"""The edge inside of a project's own ASGI application: `application = clarion.edge.mount(application)`.

Input: the project's application. Output: an application that serves the sockets and event streams of Clarion, and
passes all else on. Settings come from the Django project. Nothing of the server is changed, so the limits of handshakes
and of single frames do not hold, which the edge's own process has.

The goodbye (drain.py) begins with the first SIGTERM or SIGINT, and the server receives the signal afterwards, because a
server closes its sockets before it sends `lifespan.shutdown`. On Daphne, which has no lifespan, it begins as in the
edge's own process (shutdown.py). Where neither is possible, sockets are closed with 4012 on `lifespan.shutdown`.
"""

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from ..shared.installation import installation
from . import runtime, sse
from . import websocket as sockets
from .drain import close_gradually
from .health import health, metrics_page, readiness
from .http import http
from .lifespan import Inner
from .outgoing import Send
from .paths import path_of
from .websocket import Receive

logger = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_PROBES = {"healthz/": health, "readyz/": readiness, "metrics/": metrics_page}


def mount(application: Application, *, probes: str | None = None) -> Application:
    """Return an application with the sockets and event streams of Clarion in front of this one.

    `probes` is a path, such as `/internal/edge/`, below which `healthz`, `readyz` and `metrics` answer. They need no
    authentication, so keep the path from the outside. Without it they are not served.
    """
    if probes is not None and not (probes.startswith("/") and probes.endswith("/")):
        raise ValueError(f"probes={probes!r} has to begin and end with a slash, as in /internal/edge/")
    return _Mounted(application, probes)


class _Mounted:
    """The project's application, with the edge in front."""

    def __init__(self, application: Application, probes: str | None) -> None:
        self._application = application
        self._probes = {} if probes is None else {probes + name: answer for name, answer in _PROBES.items()}
        self._is_known = False
        if "daphne.server" in sys.modules:
            from . import shutdown  # imports Daphne's server, which installs Twisted's reactor

            shutdown.install()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection."""
        path = path_of(scope) if "path" in scope else ""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "websocket" and path == sockets.PATH:
            await self._know_installation()
            await sockets.websocket(scope, receive, send)
        elif scope["type"] == "http" and path == sse.PATH:
            await self._know_installation()
            await http(scope, receive, send)
        elif scope["type"] == "http" and path in self._probes:
            await self._know_installation()
            await self._probes[path](send)
        else:
            await self._application(scope, receive, send)

    async def _know_installation(self) -> None:
        """Read the identity of the installation outside of the event loop; raise psycopg.Error if Postgres is away."""
        if not self._is_known:
            await asyncio.to_thread(installation)
            self._is_known = True

    async def _live(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Take part in the start and the end of the server, together with the project's application."""
        inner = Inner(self._application, scope)
        began = await inner.begin(await receive())
        if began["type"] == "lifespan.startup.complete":
            _say_goodbye_on_signals()
        await send(began)
        ends = await receive()
        await _say_goodbye()
        await send(await inner.end(ends))


def _say_goodbye_on_signals() -> None:
    """Have the first SIGTERM or SIGINT close all sockets gradually, before the server's own handler has it."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    goodbyes: set[asyncio.Task[None]] = set()
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        # A handler of a loop runs whether or not Python has another one; see lifespan.shutdown.
        if callable(handler) and not getattr(handler, "__module__", "").startswith("asyncio"):

            def on_signal(received: int, frame: FrameType | None, handler: Any = handler) -> None:
                if goodbyes:  # the second signal: no more waiting
                    handler(received, frame)
                    return

                async def leave() -> None:
                    await _say_goodbye()
                    handler(received, frame)

                loop.call_soon_threadsafe(lambda: goodbyes.add(loop.create_task(leave())))

            signal.signal(number, on_signal)


async def _say_goodbye() -> None:
    """Close all sockets gradually, unless none was ever opened or they were closed before."""
    if not runtime.is_running() or runtime.edge().hub.stopping:
        return
    edge = runtime.edge()
    edge.hub.draining = edge.hub.stopping = True
    logger.info("Draining", extra={"sockets": len(edge.hub)})
    closed = await close_gradually(edge.hub, edge.settings.drain_seconds)
    logger.info("Drained", extra={"sockets": closed})
