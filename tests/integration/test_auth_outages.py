"""An edge whose dependencies are away asks clients to come back; it refuses no token, ticket or session for that."""

import asyncio
import json
import time
from typing import Any

import jwt
import pytest

from clarion.edge.admission import admitted
from clarion.edge.control import ControlListener
from clarion.edge.hub import Hub
from clarion.edge.reader import InboxReader
from clarion.edge.runtime import Edge
from clarion.edge.transport import Cursor
from clarion.shared import tickets
from clarion.shared.channel_layer import ClarionChannelLayer
from clarion.shared.jwks import KeySet
from clarion.shared.protocol import Close
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from clarion.shared.user_keys import KeyType
from dev.ports import free_port
from tests import environment
from tests.provider import AUDIENCE, ISSUER, LASTING_SECONDS, Provider

PROVIDER = Provider()
ORIGIN = (b"origin", b"http://127.0.0.1:8000"), (b"host", b"127.0.0.1:8000")


class RecordingWire:
    """The way out to one client, kept."""

    bidirectional = True
    waiting = 0
    alive_at = 0.0

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.code: Close | None = None

    def send(self, text: str, cursor: Cursor | None = None) -> bool:
        self.frames.append(json.loads(text))
        return True

    def close(self, code: Close) -> None:
        self.code = code


def nowhere(scheme: str) -> str:
    return f"{scheme}://127.0.0.1:{free_port()}/1"


async def answered(scope: dict[str, Any], *, postgres: str, redis_url: str) -> RecordingWire:
    """Connect to an edge with these servers; return the wire with the answer."""
    settings = get_settings().model_copy(
        update={
            "database_url": postgres,
            "database_timeout_seconds": 1.0,
            "jwks_url": nowhere("http"),
            "jwks_audience": AUDIENCE,
            "jwks_issuer": ISSUER,
        }
    )
    proxy = ClarionChannelLayer(hosts=[redis_url], prefix="outages")
    reader = InboxReader(settings)
    layer = proxy.loop_layer()
    hub = Hub(settings, layer, reader)
    edge = Edge(settings, layer, reader, hub, ControlListener(settings, layer, hub, reader), KeySet(settings))
    wire = RecordingWire()
    try:
        async with admitted(edge, edge.hub.connection(wire, "session"), scope):
            return wire
    finally:
        await proxy.flush()
        await reader._pool.close()


def offering(token: str) -> dict[str, Any]:
    return {"subprotocols": ["clarion.v1", f"bearer.{token}"], "headers": [], "query_string": b""}


def cookie() -> dict[str, Any]:
    return {"headers": [(b"cookie", b"sessionid=abc"), *ORIGIN], "query_string": b""}


def of_the_provider() -> str:
    claims = {"sub": "ann", "exp": time.time() + LASTING_SECONDS, "iss": ISSUER, "aud": AUDIENCE}
    return jwt.encode(claims, PROVIDER.keys["first"], algorithm="RS256", headers={"kid": "first"})


async def test_credentials_during_outage() -> None:
    """While all servers are unavailable the edge sends GOING_AWAY for each type of credential."""
    away = {"postgres": nowhere("postgresql"), "redis_url": nowhere("redis")}
    token, _ = mint(7, get_settings())
    offered = [offering(token), offering(of_the_provider()), offering("ticket-abc"), cookie()]
    for wire in await asyncio.gather(*(answered(scope, **away) for scope in offered)):
        assert [frame["type"] for frame in wire.frames] == ["GOING_AWAY"]
        assert wire.code is Close.GOING_AWAY


@pytest.mark.parametrize("scope, reason", [(offering("nonsense"), "INVALID"), (cookie() | {"headers": []}, "MISSING")])
async def test_invalid_token_during_outage(scope: dict[str, Any], reason: str) -> None:
    """An invalid or missing token is refused with its reason during an outage."""
    wire = await answered(scope, postgres=nowhere("postgresql"), redis_url=nowhere("redis"))
    assert [frame.get("reason") for frame in wire.frames] == [reason]


async def test_thousand_concurrent_tickets(valkey: str) -> None:
    """A thousand concurrent tickets are all redeemed, each only once."""
    proxy = ClarionChannelLayer(hosts=[environment.VALKEY.database_url(1)], prefix="storm")
    issued = [tickets.issue(proxy, number) for number in range(1000)]
    layer = proxy.loop_layer()
    redeemed = await asyncio.gather(*(tickets.redeem(layer, ticket, KeyType.INTEGER) for ticket in issued))
    assert [ticket and ticket.user_id for ticket in redeemed] == list(range(1000))
    assert await tickets.redeem(layer, issued[0], KeyType.INTEGER) is None
    await proxy.flush()
