"""The event loop in which links, load and followers run while a test breaks a part.

Input: coroutines, from the thread of the tests. Output: their results, or running tasks. One thread serves the whole
run, so that a test can wait for a condition, stop a process or restart a server without delaying the load.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

T = TypeVar("T")

#: Longest wait for something that is done at once in the other thread (seconds).
PATIENCE_SECONDS = 120


class Background:
    """One event loop in a thread of its own, from `with` to its end."""

    def __enter__(self) -> Self:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="faults", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self.loop.close()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it there and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE_SECONDS)

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
        """Start it there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            if not task.cancelling():  # a second time it would leave open what it is closing
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
