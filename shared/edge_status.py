"""What edges say of themselves: for operators who look and act, and nothing that anybody relies on.

Enters: from each edge, every few seconds, its counters since it started and whether it drains. Leaves: the reports of
those edges that spoke of late, by name. Kept in the channel layer's first Redis, each for a little longer than the
next one takes, so that it has a bound and may be lost. The other way go commands, over the channel layer to one edge's
group.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import redis
import redis.asyncio

#: Between two reports of an edge (seconds), and how long one is kept: three may be missed.
REPORT_EVERY_SECONDS = 5.0
KEPT_SECONDS = 20

#: `type` of the messages by which an operator has an edge say goodbye to its sockets, and take sockets again.
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


def edge_group(name: str) -> str:
    """The group on which this edge hears commands."""
    return f"edge_{name}"


def _index(prefix: str) -> str:
    return f"{prefix}:edges"


def _key(prefix: str, name: str) -> str:
    return f"{prefix}:edge:{name}"


async def note(client: "redis.asyncio.Redis", prefix: str, report: Report) -> None:
    """Note a report, in one round trip; raises RedisError."""
    pipeline = client.pipeline(transaction=False)
    pipeline.set(_key(prefix, report.name), json.dumps(asdict(report)), ex=KEPT_SECONDS)
    pipeline.sadd(_index(prefix), report.name)
    await pipeline.execute()


def noted(client: redis.Redis, prefix: str) -> list[Report]:
    """The reports of the edges that spoke of late, by name; names that are silent are forgotten. Raises RedisError."""
    known: Any = client.smembers(_index(prefix))
    names: list[str] = sorted(name.decode() for name in known)
    if not names:
        return []
    texts: list[Any] = client.mget([_key(prefix, name) for name in names])
    silent = [name for name, text in zip(names, texts, strict=True) if text is None]
    if silent:
        client.srem(_index(prefix), *silent)
    return [_report(text) for text in texts if text is not None]


def _report(text: bytes) -> Report:
    content = json.loads(text)
    return Report(**{**content, "lag": [(bound, count) for bound, count in content["lag"]]})
