"""Status reports of edges, for the operators' page and commands.

Input: from each edge, every few seconds, its counters since it started and whether it drains. Output: the recent
reports, by name of the edge. The first Redis host of the channel layer keeps each report until some further ones are
due, so their size is bounded and they may be lost. Commands go the other way: over the channel layer, to the group of
one edge.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from .channel_layer import ClarionChannelLayer, ClarionLoopLayer

if TYPE_CHECKING:
    import redis.asyncio

#: Interval between two reports of an edge, and the lifetime of one: three may be missed (seconds).
REPORT_EVERY_SECONDS = 5.0
KEPT_SECONDS = 20

#: `type` of the commands that make an edge drain its sockets, and accept sockets again.
DRAIN: Final = "edge.drain"
TAKE: Final = "edge.take"


@dataclass(frozen=True, slots=True)
class Report:
    """One edge at one instant. Counters count from the edge's start; times are Unix times in seconds.

    `lag` are the bounds of the histogram from commit to socket, each with how many frames took at most so long.
    """

    name: str
    at: float
    started: float
    draining: bool
    sockets: int
    frames: int = 0
    gaps: int = 0
    repairs: dict[str, int] = field(default_factory=dict)  # by cause
    failed_repairs: int = 0
    resyncs: int = 0
    reconnects: int = 0
    lag_seconds: float = 0.0
    lag: list[tuple[float | None, int]] = field(default_factory=list)  # None: no bound
    version: str = ""
    fault: str | None = None  # why it can serve nobody: the setting that does not fit Postgres
    settings: dict[str, str] = field(default_factory=dict)  # of common_settings.py, by the name of the variable


def edge_group(name: str) -> str:
    """Return the group on which this edge receives commands."""
    return f"edge_{name}"


def _index(prefix: str) -> str:
    return f"{prefix}:edges"


def _key(prefix: str, name: str) -> str:
    return f"{prefix}:edge:{name}"


async def save(layer: ClarionLoopLayer, report: Report) -> None:
    """Save a report, in one round trip; raises redis.exceptions.RedisError or OSError."""

    async def execute(client: "redis.asyncio.Redis") -> None:
        pipeline = client.pipeline(transaction=False)
        pipeline.set(_key(layer.prefix, report.name), json.dumps(asdict(report)), ex=KEPT_SECONDS)
        pipeline.sadd(_index(layer.prefix), report.name)
        await pipeline.execute()

    await layer.call(execute)


def load(layer: ClarionChannelLayer) -> list[Report]:
    """Return the recent reports, by name; forget edges without one. Raises redis.exceptions.RedisError."""
    prefix = layer.prefix
    with layer.client() as client:
        members: Any = client.smembers(_index(prefix))
        names: list[str] = sorted(name.decode() for name in members)
        if not names:
            return []
        texts: list[Any] = client.mget([_key(prefix, name) for name in names])
        expired = [name for name, text in zip(names, texts, strict=True) if text is None]
        if expired:
            client.srem(_index(prefix), *expired)
    return [_report(text) for text in texts if text is not None]


def _report(text: bytes) -> Report:
    # An edge of a newer version may report more.
    known = {one.name for one in fields(Report)}
    content = {name: value for name, value in json.loads(text).items() if name in known}
    return Report(**{**content, "lag": [(bound, count) for bound, count in content["lag"]]})
