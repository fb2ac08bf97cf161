"""The start and end of a mounted application, and the arguments of `mount`."""

import asyncio
from typing import Any

import pytest

from clarion.edge import mount
from clarion.edge.lifespan import Inner

STARTUP, SHUTDOWN = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
SCOPE = {"type": "lifespan"}


async def test_application_with_lifespan() -> None:
    """An application that knows the protocol answers itself, also that its start failed."""
    seen: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            message = await receive()
            seen.append(message["type"])
            await send({"type": f"{message['type']}.failed", "message": "no"})

    inner = Inner(application, SCOPE)
    assert await inner.begin(STARTUP) == {"type": "lifespan.startup.failed", "message": "no"}
    assert (await inner.end(SHUTDOWN))["type"] == "lifespan.shutdown.failed"
    assert seen == ["lifespan.startup", "lifespan.shutdown"]


@pytest.mark.parametrize("raises", [True, False])
async def test_application_without_lifespan(*, raises: bool) -> None:
    """An application that raises or returns, as Django's does, takes no part."""

    async def application(*_: Any) -> None:
        if raises:
            raise ValueError("Django can only handle ASGI/HTTP connections, not lifespan.")

    inner = Inner(application, SCOPE)
    assert await inner.begin(STARTUP) == {"type": "lifespan.startup.complete"}
    assert await inner.end(SHUTDOWN) == {"type": "lifespan.shutdown.complete"}


async def test_application_that_ends_early() -> None:
    """An application that ends after its start does not hold up the end of the server."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    inner = Inner(application, SCOPE)
    await inner.begin(STARTUP)
    await asyncio.sleep(0)
    assert await inner.end(SHUTDOWN) == {"type": "lifespan.shutdown.complete"}


@pytest.mark.parametrize("probes", ["/internal", "internal/", ""])
def test_malformed_path_of_probes(probes: str) -> None:
    """A path of probes that cannot match is refused with the form that it needs."""

    async def application(*_: Any) -> None:
        """Answer nothing."""

    with pytest.raises(ValueError, match="begin and end with a slash"):
        mount(application, probes=probes)
