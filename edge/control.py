"""Commands and status of this edge for operators.

Input: commands on the channel-layer group of this edge. Output: a status report every few seconds
(shared/edge_status.py). On the command to drain, the edge closes its connections gradually, refuses new ones and
reports that it is not ready, until the command to accept connections again.
"""

import asyncio
import logging
import os
import re
import socket
import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter, Histogram
from redis.exceptions import RedisError

from ..shared import edge_status, metrics
from ..shared.channel_layer import ClarionLoopLayer
from ..shared.common_settings import common_settings, version
from ..shared.edge_status import DRAIN, REPORT_EVERY_SECONDS, TAKE, Report, edge_group
from ..shared.settings import Settings
from .drain import close_gradually
from .hub import Hub
from .reader import InboxReader

logger = logging.getLogger(__name__)

#: Characters that Channels forbids in group names; the length limit leaves room for the prefix.
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]")
_NAME_MAX_LENGTH = 80


class ControlListener:
    """Receives commands for this process, and reports its status."""

    def __init__(self, settings: Settings, layer: ClarionLoopLayer, hub: Hub, reader: InboxReader) -> None:
        self.name = name_of(settings.edge_name)
        self._drain_seconds = settings.drain_seconds
        self._layer = layer
        self._hub = hub
        self._reader = reader
        self._settings = common_settings(settings)
        self._started = time.time()
        self._task: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[int] | None = None

    def start(self) -> None:
        """Start to report and to receive commands."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def report(self) -> Report:
        """Return the current status of this edge."""
        return Report(
            name=self.name,
            at=time.time(),
            started=self._started,
            draining=self._hub.draining,
            sockets=len(self._hub),
            frames=_total(metrics.FRAMES_SENT),
            gaps=_total(metrics.GAPS),
            repairs=_by(metrics.REPAIRS, "cause"),
            failed_repairs=_total(metrics.REPAIRS_FAILED),
            resyncs=_total(metrics.RESYNCS),
            reconnects=_total(metrics.LAYER_RECONNECTS),
            lag_seconds=_sum(metrics.LAG),
            lag=_buckets(metrics.LAG),
            version=version(),
            fault=self._reader.fault,
            settings=self._settings,
        )

    def received(self, message: Mapping[str, Any]) -> None:
        """Execute a command."""
        hub = self._hub
        if message["type"] == DRAIN and not hub.draining:
            logger.warning("Draining on an operator's command", extra={"sockets": len(hub)})
            hub.draining = True
            self._draining = asyncio.get_running_loop().create_task(close_gradually(hub, self._drain_seconds))
        elif message["type"] == TAKE and not hub.stopping:
            logger.warning("Accepting sockets again on an operator's command")
            hub.draining = False

    async def _run(self) -> None:
        # Without Redis the subscription follows as soon as Redis is available.
        await self._layer.listen(edge_group(self.name), self.received, wait_seconds=REPORT_EVERY_SECONDS)
        while True:
            if not self._reader.verified:
                await self._reader.ready()  # so that operators see a wrong setting before a client does
            try:
                await edge_status.save(self._layer, self.report())
            except (RedisError, OSError, TimeoutError) as error:
                logger.info("Could not save the status report of this edge", extra={"error": repr(error)})
            await asyncio.sleep(REPORT_EVERY_SECONDS)


def name_of(given: str | None) -> str:
    """Return the name of this process: from the settings, or made of host name and process id."""
    return _NOT_IN_NAMES.sub("-", given or f"{socket.gethostname()}.{os.getpid()}")[:_NAME_MAX_LENGTH]


def _samples(metric: Counter | Histogram, suffix: str) -> list[tuple[dict[str, str], float]]:
    found = [sample for family in metric.collect() for sample in family.samples]
    return [(sample.labels, sample.value) for sample in found if sample.name.endswith(suffix)]


def _total(counter: Counter) -> int:
    return int(sum(value for _, value in _samples(counter, "_total")))


def _by(counter: Counter, label: str) -> dict[str, int]:
    return {labels[label]: int(value) for labels, value in _samples(counter, "_total")}


def _sum(histogram: Histogram) -> float:
    return sum(value for _, value in _samples(histogram, "_sum"))


def _buckets(histogram: Histogram) -> list[tuple[float | None, int]]:
    bounds = [(labels["le"], int(value)) for labels, value in _samples(histogram, "_bucket")]
    return [(None if bound == "+Inf" else float(bound), count) for bound, count in bounds]
