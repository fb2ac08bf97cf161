"""Tasks that run beside a test and end with it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def running(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run them until the block ends, then cancel them and wait until each has closed what it held.

    A cancelled task that nobody waits for is cancelled again with the test's event loop, while it closes its socket;
    the open socket is then found by whichever later test collects garbage. What a task failed with is raised.
    """
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
