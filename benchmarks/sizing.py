"""The size of an installation, calculated from the measured costs.

Input: the costs in `results.json` (area "scale"), users, the share of them that is online. Output: processors,
processes, hosts, disk. It is a calculation, not a measurement: it adds up processor time with a margin, and ignores
networks between machines.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.areas import COLLAPSING, PLAIN

#: Notifications of a user a day, and the ratio of the busiest hour to the average.
A_DAY = 10
BUSIEST_HOUR = 3
#: Share of the notifications that come from small events, and the recipients of one of those.
SMALL_SHARE, SMALL_RECIPIENTS = 0.5, 2
#: Shares of the notifications by kind: most are replies, of a kind that collapses.
KIND_SHARES = {COLLAPSING: 0.8, PLAIN: 0.2}
#: Planned load of a processor.
LOAD = 0.5
#: Sockets of one edge process, limited by memory and by the reconnects when it ends.
SOCKETS_AN_EDGE = 50_000
#: Days that notifications are kept.
DAYS_KEPT = 90
#: Processors of one Postgres; beyond them it has to be divided.
POSTGRES_CORES = 32

USERS = (1_000_000, 10_000_000, 100_000_000)
ONLINE = (0.01, 0.2)


@dataclass(frozen=True, slots=True)
class Size:
    """One installation. Rates are of the busiest hour, a second."""

    users: int
    sockets: int
    notifications: float
    frames: float
    worker_cores: float
    postgres_cores: float
    redis_hosts: int
    edges: int
    edge_memory_gib: float
    disk_gib: float

    @property
    def limit(self) -> str:
        """The first part of which one is not enough."""
        if self.postgres_cores > POSTGRES_CORES:
            return "Postgres"
        if self.redis_hosts > 1:
            return "Redis"
        return "edges" if self.edges > 1 else "none"


def size(costs: Mapping[str, float], users: int, online: float) -> Size:
    """Calculate the size for so many users; `costs` are by the ids of figures, without their area."""
    notifications = users * A_DAY * BUSIEST_HOUR / 86_400
    small = notifications * SMALL_SHARE / SMALL_RECIPIENTS  # events
    large = notifications * (1 - SMALL_SHARE)
    sockets = users * online
    frames = notifications * online

    def mean(unit: str, cost: str) -> float:
        """Return the mean of a cost over the mix of kinds."""
        return sum(share * costs[f"{unit}.{kind}.{cost}"] for kind, share in KIND_SHARES.items())

    def cores(part: str) -> float:
        return (small * mean("event", part) + large * mean("notification", part)) / 1e6 / LOAD

    redis = cores("redis") + frames * costs["frame.redis"] / 1e6 / LOAD
    edge_cores = frames * costs["frame.edge"] / 1e6 / LOAD
    return Size(
        users=users,
        sockets=round(sockets),
        notifications=notifications,
        frames=frames,
        worker_cores=cores("worker"),
        postgres_cores=cores("postgres"),
        redis_hosts=max(1, math.ceil(redis)),
        edges=max(1, math.ceil(edge_cores), math.ceil(sockets / SOCKETS_AN_EDGE)),
        edge_memory_gib=sockets * costs["socket.kib"] / 2**20,
        disk_gib=users * A_DAY * DAYS_KEPT * mean("notification", "bytes") / 2**30,
    )


def table(costs: Mapping[str, float]) -> str:
    """Every size, as a table in Markdown."""
    head = (
        "| users | online | sockets | notifications/s | frames/s | workers | Postgres | Redis | edges | "
        "memory of edges | disk | first limit |"
    )
    rows = [head, "|" + "---|" * (head.count("|") - 1)]
    for users in USERS:
        for online in ONLINE:
            one = size(costs, users, online)
            rows.append(
                f"| {users // 1_000_000} million | {online:.0%} | {one.sockets:,} | {one.notifications:,.0f} | "
                f"{one.frames:,.0f} | {_cores(one.worker_cores)} | {_cores(one.postgres_cores)} | "
                f"{one.redis_hosts} | {one.edges} | {one.edge_memory_gib:,.1f} GiB | {one.disk_gib:,.0f} GiB | "
                f"{one.limit} |"
            )
    return "\n".join(rows)


def _cores(number: float) -> str:
    return f"{number:,.1f} cores"
