"""What a server can send when there is nothing behind it: frames from memory, to every socket.

An ASGI application for any server: `daphne benchmarks.peers.bare:application`, `uvicorn benchmarks.peers.bare:
application`. `POST /push?rounds=60&size=300` sends so many frames of that size to each socket.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

Send = Callable[[dict[str, Any]], Awaitable[None]]

_sockets: set[Send] = set()


async def application(scope: Mapping[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    """Hold sockets, and push when asked."""
    if scope["type"] == "http":
        query = parse_qs(scope["query_string"].decode())
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": str(len(_sockets)).encode()})
        await _push(int(query.get("rounds", ["0"])[0]), "x" * int(query.get("size", ["0"])[0]))
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        _sockets.add(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        _sockets.discard(send)


async def _push(rounds: int, text: str) -> None:
    for _ in range(rounds):
        for number, send in enumerate(tuple(_sockets)):
            await send({"type": "websocket.send", "text": text})
            if number % 500 == 0:
                await asyncio.sleep(0)  # as the messages of a channel layer come: some at a time
        await asyncio.sleep(0)
