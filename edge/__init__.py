"""The edge: holds the sockets, reads Postgres, never writes it, and knows nothing of Celery or the pipeline.

    asgi.py       the application that Daphne runs         settings.py   its Django settings
    consumer.py   a WebSocket: connect, receive, disconnect
    events.py     the same stream as Server-Sent Events    http.py       all that is answered over HTTP
    runtime.py    the parts of this process               paths.py      the path that a request asks for
    admission.py  from an accepted connection to an open stream, or a refusal
    auth.py       what a client offers to a user id        limits.py     how many, how often
    address.py    the address that limits count by
    sessions.py   the web app's session cookie
    stream.py     the ordered stream of one inbox, without I/O
    socket.py     one open stream: forward, hold back, close
    home.py       the part of the process that a socket uses
    mending.py    what a stream may have missed: read it, or say RESYNC
    sockets.py    all of this process: listen, look after, find quiet loss
    wire.py       the way out to one client                transport.py  a shorter way out of Daphne
    credit.py     how much may be out unacknowledged
    repair.py     what a socket missed, read from Postgres
    drain.py      a slow goodbye before a deploy           handshake.py  how long a connection may take to ask
    goodbye.py    the goodbye itself                       operators.py  what operators see and ask of this edge
    health.py     /healthz /readyz /metrics
    client/       the browser's end

The life of a connection:

    accept ─► token ─► listen to the user's group ─► one query: user, head of the inbox, log after the cursor
           ─► CONNECTED ─► what was missed ─► live: in order as published, gaps repaired from Postgres ─► close
"""
