"""Repairs a stream after a suspected gap: reads the log until the stream is complete.

Input: a connection and the cause: a gap, a head that is ahead, or a frame of another epoch. Output: the missing
frames, sent in their place, or RESYNC if the log does not lead to the head. A repair is a task while it runs; a
connection has at most one.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Protocol

from ..shared import metrics
from ..shared.inbox.queries import Head
from ..shared.protocol import ResyncReason
from ..shared.settings import Settings
from ..shared.user_keys import Key
from .reader import InboxReader, ReadFailed
from .stream import Stream

logger = logging.getLogger(__name__)

#: The cause of a repair that continues a replay after its first page: no frame was lost.
REPLAY = "replay"
#: Further reads of a log that ends before a published seq, before it counts as another history; and the first wait
#: between them (seconds; doubled each time). A replica may lag, a primary does not.
SHORT_LOG_READS = 5
SHORT_LOG_WAIT_SECONDS = 0.1
#: Consecutive reads without a frame after the last sent seq, although the head lies beyond it, before the log counts
#: as incomplete.
STUCK_READS = 2
#: Wait before a failed repair is retried (seconds, with jitter).
REPAIR_RETRY_SECONDS = 1.0


class Repairable(Protocol):
    """The part of a connection that a repair uses."""

    id: str
    settings: Settings
    stream: Stream
    epoch: str
    closed: bool
    parked_at: float | None

    @property
    def user_id(self) -> Key:
        """The user whose inbox this connection carries."""

    def forward(self, frames: Sequence[str], source: str) -> None:
        """Send frames of the stream, as far as there is credit."""

    def send_resync(self, head: Head, reason: ResyncReason) -> None:
        """Send RESYNC, so that the client reads a snapshot."""


class StreamRepair:
    """The repairs of one connection."""

    __slots__ = ("_epoch_in_doubt", "_reader", "_rewound", "_socket", "_task")

    def __init__(self, socket: Repairable, reader: InboxReader) -> None:
        self._socket: Repairable | None = socket  # None once it is closed, to break the reference cycle
        self._reader = reader
        self._task: asyncio.Task[None] | None = None
        self._epoch_in_doubt = False  # the epoch has to be read from Postgres
        self._rewound = False  # a sent seq is missing in Postgres

    @property
    def is_needed(self) -> bool:
        """Whether the log has to be read."""
        behind = self._socket is not None and self._socket.stream.behind
        return behind or self._epoch_in_doubt or self._rewound

    def begin(self, cause: str, *, wait: bool = True) -> None:
        """Start a repair of a gap, after a short wait for late frames."""
        socket = self._socket
        if self._task is None and socket is not None and not socket.closed and socket.parked_at is None:
            self._task = asyncio.get_running_loop().create_task(self._repair(socket, cause, wait=wait))

    def check_epoch(self, cause: str) -> None:
        """Start a repair that asks Postgres for the current epoch."""
        self._epoch_in_doubt = True
        self.begin(cause)

    def rewind(self, cause: str) -> None:
        """Send RESYNC with the head that Postgres has, because it does not have a seq that was sent."""
        self._rewound = True
        self.begin(cause, wait=False)

    def cancel(self) -> None:
        """Cancel the repair, because the socket is closed."""
        self._socket = None
        if self._task is not None:
            self._task.cancel()

    async def _repair(self, socket: Repairable, cause: str, *, wait: bool) -> None:
        try:
            if wait:
                # Frames of two workers may overtake each other: the missing one mostly follows within milliseconds.
                await asyncio.sleep(socket.settings.straggler_milliseconds / 1000)
            if self.is_needed and not socket.closed:
                if cause != REPLAY:
                    metrics.GAPS.inc()
                await self._read_until_caught_up(socket, cause)
        except Exception:
            logger.exception("A repair failed", extra={"session": socket.id, "user": socket.user_id})
        finally:
            self._task = None

    async def _read_until_caught_up(self, socket: Repairable, cause: str) -> None:
        stream = socket.stream
        short_reads = stuck_reads = 0
        while self.is_needed and not socket.closed and socket.parked_at is None:
            last = stream.last or 0
            metrics.REPAIRS.labels(cause).inc()
            epoch_in_doubt, self._epoch_in_doubt = self._epoch_in_doubt, False
            try:
                missed = await self._reader.missed(socket.user_id, last)
            except ReadFailed as error:
                self._epoch_in_doubt |= epoch_in_doubt
                metrics.REPAIRS_FAILED.inc()
                logger.warning(
                    "Postgres did not answer a repair; retrying",
                    extra={"session": socket.id, "user": socket.user_id, "error": repr(error)},
                )
                await asyncio.sleep(REPAIR_RETRY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                continue
            if socket.closed:
                return
            short_reads = short_reads + 1 if missed.head.seq < stream.highest else 0
            reason = missed.resync_reason(last, socket.epoch)
            if self._rewound:
                # Postgres may have used the seq again by now, for another change.
                reason, self._rewound = reason or ResyncReason.AHEAD, False
            elif reason is ResyncReason.AHEAD:
                reason = None  # a replica that lags, or a discarded history: further reads show which
            if short_reads > SHORT_LOG_READS:
                reason = ResyncReason.EPOCH
            elif stuck_reads >= STUCK_READS:
                reason = reason or ResyncReason.PURGED
            if reason is not None:
                socket.send_resync(missed.head, reason)
                forget = reason in (ResyncReason.EPOCH, ResyncReason.AHEAD)
                socket.forward(stream.jump(missed.head.seq, forget=forget), "repair")
                continue
            socket.forward(stream.repaired(missed.frames), "repair")
            stuck_reads = stuck_reads + 1 if stream.last == last < missed.head.seq else 0
            if short_reads:
                await asyncio.sleep(SHORT_LOG_WAIT_SECONDS * 2 ** (short_reads - 1))
