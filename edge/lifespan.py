"""The lifespan of an ASGI application that another one wraps.

Input: an application, which may not know the protocol, as Django's does not. Output: the answers to its start and its
end, as the application gives them, or "complete" where it does not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

logger = logging.getLogger(__name__)

Message = dict[str, Any]


class Inner:
    """The wrapped application, run for the time between the start and the end of the server."""

    def __init__(self, application: Callable[..., Awaitable[None]], scope: Message) -> None:
        self._received: asyncio.Queue[Message] = asyncio.Queue()
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._task = asyncio.ensure_future(application(scope, self._received.get, self._sent.put))

    async def begin(self, startup: Message) -> Message:
        """Return the answer to `lifespan.startup`; an application that raises does not know the protocol."""
        return await self._answer(startup) or {"type": "lifespan.startup.complete"}

    async def end(self, shutdown: Message) -> Message:
        """Return the answer to `lifespan.shutdown`."""
        answer = None if self._task.done() else await self._answer(shutdown)
        return answer or {"type": "lifespan.shutdown.complete"}

    async def _answer(self, message: Message) -> Message | None:
        self._received.put_nowait(message)
        answer = asyncio.ensure_future(self._sent.get())
        await asyncio.wait((answer, self._task), return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        with suppress(asyncio.CancelledError):
            if (error := self._task.exception()) is not None:
                logger.debug("The application does not take part in the lifespan", extra={"error": repr(error)})
        return None
