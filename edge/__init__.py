"""The edge: holds the connections of browsers and forwards frames to them.

It reads Postgres and never writes it, and imports neither Celery nor the pipeline.

    asgi.py       the application that Daphne runs         settings.py   its Django settings
    websocket.py  a WebSocket: connect, receive, disconnect
    sse.py        the same stream as Server-Sent Events    http.py       all other HTTP requests
    runtime.py    the parts of this process                paths.py      the path that a request asks for
    mounting.py   the edge in a project's own ASGI application              lifespan.py   the start and end of that

    admission.py  from an accepted connection to an open stream, or a refusal
    auth.py       from a client's credential to a user id  limits.py     concurrency and rate limits
    address.py    the address that limits count by         session_cookie.py  the web app's session cookie

    hub.py        all connections of this process: register, position checks, maintenance
    connection.py one open connection: forward, hold back, close
    stream.py     the ordered stream of one inbox, without I/O
    reader.py     reads inboxes from Postgres, many connects in one query
    repair.py     repairs a stream after a gap: reads the log, or sends RESYNC
    transport.py  how frames are sent to one client        credit.py     flow control for slow clients
    outgoing.py   messages in order, without waiting for the server

    control.py    commands and status of this edge for operators
    drain.py      closes all connections gradually         shutdown.py   drains before the process ends
    health.py     /healthz /readyz /metrics
    daphne/       what Clarion changes in Daphne           client/       the browser client

The life of a connection:

    accept ─► token ─► listen to the user's group ─► one query: user, head of the inbox, log after the cursor
           ─► CONNECTED ─► missed frames ─► live frames in order, gaps repaired from Postgres ─► close
"""

from typing import TYPE_CHECKING

from ..lazy import lazy

if TYPE_CHECKING:
    from .mounting import mount

__all__ = ["mount"]

# On first use, because asgi.py names Django's settings before anything of the edge is imported.
__getattr__, __dir__ = lazy(__name__, {"mount": ".mounting"})
