"""One open socket: forwards what is published, in order, and has what is missing read from Postgres.

Enters: the messages of the channel layer for its user, called back by the layer itself; what was read of the log.
Leaves: text frames. A socket costs no task and no queue while nothing is missing; a repair is a task while it runs.
"""

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from edge.credit import Credit
from edge.limits import MessageRate
from edge.repair import Missed, Opening, Reader, ReadFailed
from edge.stream import Stream
from edge.wire import Cursor, Wire
from shared import metrics, protocol
from shared.layer import REVOKED
from shared.protocol import AuthFailure, Close, ResyncReason
from shared.settings import Settings
from shared.tokens import Identity

logger = logging.getLogger(__name__)

#: How often a log that does not reach a published seq is read again before its history is held to be another one, and
#: the first wait between (seconds; doubled each time). A replica may lag, a primary does not.
SHORT_LOG_READS = 5
SHORT_LOG_WAIT_SECONDS = 0.1
#: Wait before a repair that Postgres did not answer is tried again (seconds, with jitter).
REPAIR_RETRY_SECONDS = 1.0
#: Of so many live frames one is measured: looking at the clock and counting costs a tenth of sending.
LAG_SAMPLE = 10
_TURN = itertools.count()
#: Looked up once: it is counted for every frame.
_SENT = {source: metrics.FRAMES_SENT.labels(source) for source in ("live", "repair")}


class Home(Protocol):
    """What a socket uses of the process it is in."""

    settings: Settings
    reader: Reader
    acks: dict[int, int]


#: Before a socket's token is verified.
NOBODY = Identity(user_id=0, expires_at=0)


class Socket:
    """One accepted socket of one user."""

    __slots__ = (
        "_acks",
        "_doubtful",
        "_early",
        "_mending",
        "_reader",
        "_timed",
        "_wire",
        "address",
        "closed",
        "credit",
        "epoch",
        "heard_at",
        "id",
        "identity",
        "opened_at",
        "parked_at",
        "rate",
        "refresh_by",
        "settings",
        "stream",
        "username",
    )  # fmt: skip

    def __init__(self, home: "Home", wire: Wire, session_id: str) -> None:
        now = asyncio.get_running_loop().time()
        self.id = session_id
        self.settings = home.settings
        self.identity = NOBODY
        self.username = ""
        self.address = ""
        self.epoch = ""
        self.refresh_by: float | None = None
        self.heard_at = self.opened_at = now
        self.rate = MessageRate(self.settings.messages_per_minute, now)
        self.stream = Stream()
        self.credit = Credit(self.settings.credit_frames, self.settings.credit_bytes)
        self.parked_at: float | None = None
        self.closed = False
        self._acks = home.acks
        self._reader = home.reader
        self._wire = wire
        self._mending: asyncio.Task[None] | None = None
        self._early: set[str] = set()  # the epochs of what came before it was opened
        self._doubtful = False  # which history this socket follows is to be asked of Postgres
        self._timed: tuple[int, float] | None = None  # a seq that awaits its acknowledgement, and since when

    @property
    def user_id(self) -> int:
        """Whose inbox this socket carries, and nobody else's."""
        return self.identity.user_id

    @property
    def talks(self) -> bool:
        """Whether the client can say anything."""
        return self._wire.talks

    def send(self, text: str, cursor: Cursor | None = None) -> None:
        """Send one frame, and how far the client is once it has it, where it moves the cursor."""
        if not self._wire.send(text, cursor):
            self.closed = True  # the client went at this moment; the server says so in its own message

    def close(self, code: Close) -> None:
        """Close, once."""
        if not self.closed:
            self.closed = True
            metrics.CLOSES.labels(int(code)).inc()
            self._wire.close(code)

    def refuse(self, reason: AuthFailure) -> None:
        """Say why, then close with the code that goes with it."""
        metrics.AUTH_FAILURES.labels(reason.value).inc()
        self.send(protocol.auth_failed(reason))
        self.close(reason.close_code)

    def received(self, message: Mapping[str, Any]) -> None:
        """The channel layer has a message for this user: a frame, or that their access was revoked."""
        if self.closed:
            return
        if message["type"] == REVOKED:
            self.refuse(AuthFailure.REVOKED)
            return
        seq, head = message["own"]
        if (epoch := message.get("epoch")) is not None and epoch != self.epoch:
            if self.stream.last is not None:
                # Told late, of a history that is no more; or it is this socket that follows one. Postgres knows.
                self._doubt("epoch")
                return
            self._early.add(epoch)
        if self.parked_at is not None:
            self.stream.exists(seq)
            return
        frames = self.stream.published(seq, head + message["rest"])
        if frames:
            self.forward(frames, "live")
            if message["since"] is not None and next(_TURN) % LAG_SAMPLE == 0:
                metrics.LAG.observe(time.time() - message["since"])
        if self.stream.behind:
            self.mend("gap")

    def compare(self, epoch: str, seq: int) -> None:
        """Postgres was seen to have this head: make up for what was missed without noticing."""
        if epoch != self.epoch:
            self._doubt("quiet")
            return
        self.stream.exists(seq)
        if self.stream.behind:
            self.mend("quiet")

    def acknowledged(self, seq: int) -> None:
        """The client has all up to `seq`; of what it was never sent it cannot say so."""
        if self.stream.last is not None and 0 < seq <= self.stream.last:
            self.credit.acknowledged(seq, self.stream.last)
            if self._timed is not None and seq >= self._timed[0]:
                metrics.ACK_LAG.observe(asyncio.get_running_loop().time() - self._timed[1])
                self._timed = None
            self._acks[self.user_id] = max(self._acks.get(self.user_id, 0), seq)
            self.unpark()

    def heard(self) -> None:
        """The client said something."""
        self.heard_at = asyncio.get_running_loop().time()
        self.credit.heard()
        self.unpark()

    def forward(self, frames: Sequence[str], source: str) -> None:
        """Send frames of the stream, as far as there is credit; then the socket is parked.

        A parked socket costs nothing whatever is published to it. It is continued from Postgres when its client has
        acknowledged, and closed when it does not.
        """
        before = (self.stream.last or 0) - len(frames)
        for number, text in enumerate(frames, 1):
            if not self._may_send(text):
                self.stream.unsend(len(frames) - number + 1)
                self.parked_at = asyncio.get_running_loop().time()
                metrics.PARKED.inc()
                _SENT[source].inc(number - 1)
                return
            self.send(text, (self.epoch, before + number))
        _SENT[source].inc(len(frames))
        if self._timed is None and frames:
            self._timed = (self.stream.last or 0, asyncio.get_running_loop().time())

    def unpark(self) -> None:
        """Go on, if the client has taken enough of what it was sent."""
        if self.parked_at is None or self._wire.waiting * 2 > self.settings.credit_bytes:
            return
        if self.credit.half_free or not self.talks:
            self.parked_at = None
            if self._behind:
                self.mend("credit", wait=False)

    def _may_send(self, text: str) -> bool:
        """Whether there is room. A client that cannot acknowledge is judged by what its network takes alone."""
        if self._wire.waiting > self.settings.credit_bytes:
            return False
        return not self.talks or self.credit.take(len(text) if text.isascii() else len(text.encode()))

    def open(self, opening: Opening, since: int | None, epoch: str | None) -> None:
        """CONNECTED, and what was missed since the cursor, or RESYNC where it cannot be honoured."""
        head = opening.missed.head
        self.username, self.epoch = opening.username, head.epoch
        reason = None if since is None else _unresumable(opening.missed, since, epoch)
        resumed = since is not None and reason is None
        start = since if resumed and since is not None else head.seq
        self.send(
            protocol.connected(
                user_id=self.user_id,
                session_id=self.id,
                epoch=head.epoch,
                seq=head.seq,
                unread=head.unread,
                heartbeat_seconds=self.settings.heartbeat_seconds,
                resumed=resumed,
            ),
            None if resumed else (head.epoch, head.seq),
        )
        if reason is not None:
            self._say_resync(opening.missed, reason)
        metrics.CONNECTS.labels(str(resumed).lower()).inc()
        if self._early - {head.epoch}:
            self.stream.forget()
            self._doubtful = True
        self.forward(self.stream.open(start, opening.missed.frames if resumed else ()), "repair")
        if self._behind:
            self.mend("gap")

    @property
    def _behind(self) -> bool:
        return self.stream.behind or self._doubtful

    def _doubt(self, cause: str) -> None:
        self._doubtful = True
        self.mend(cause)

    def mend(self, cause: str, *, wait: bool = True) -> None:
        """Make sure that what is missing is read, after a wait for stragglers; one repair of a socket at a time."""
        if self._mending is None and not self.closed and self.parked_at is None:
            self._mending = asyncio.get_running_loop().create_task(self._mend(cause, wait=wait))

    def forget(self) -> None:
        """The socket is gone."""
        self.closed = True
        if self._mending is not None:
            self._mending.cancel()

    async def _mend(self, cause: str, *, wait: bool) -> None:
        try:
            if wait:
                # Frames of two workers may overtake each other: the missing one is mostly a moment away.
                await asyncio.sleep(self.settings.straggler_milliseconds / 1000)
            if self._behind and not self.closed:
                metrics.GAPS.inc()
                await self._read_until_caught_up(cause)
        except Exception:
            logger.exception("A repair failed", extra={"session": self.id, "user": self.user_id})
        finally:
            self._mending = None

    async def _read_until_caught_up(self, cause: str) -> None:
        short_reads = 0
        while self._behind and not self.closed and self.parked_at is None:
            last = self.stream.last or 0
            metrics.REPAIRS.labels(cause).inc()
            doubtful, self._doubtful = self._doubtful, False
            try:
                missed = await self._reader.missed(self.user_id, last)
            except ReadFailed as error:
                self._doubtful |= doubtful
                metrics.REPAIRS_FAILED.inc()
                logger.warning(
                    "Postgres did not answer a repair; it is tried again",
                    extra={"session": self.id, "user": self.user_id, "error": repr(error)},
                )
                await asyncio.sleep(REPAIR_RETRY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                continue
            if self.closed:
                return
            short_reads = short_reads + 1 if missed.head.seq < self.stream.highest else 0
            reason = _unresumable(missed, last, self.epoch)
            if reason is ResyncReason.AHEAD:
                reason = None  # a replica that lags, or a history that is no more: time tells
            if short_reads > SHORT_LOG_READS:
                reason = ResyncReason.EPOCH
            if reason is not None:
                self._say_resync(missed, reason)
                forget = reason is ResyncReason.EPOCH
                self.forward(self.stream.jump(missed.head.seq, forget=forget), "repair")
            else:
                self.forward(self.stream.repaired(missed.frames), "repair")
                if short_reads:
                    await asyncio.sleep(SHORT_LOG_WAIT_SECONDS * 2 ** (short_reads - 1))

    def _say_resync(self, missed: Missed, reason: ResyncReason) -> None:
        metrics.RESYNCS.labels(reason.value).inc()
        head = missed.head
        self.epoch = head.epoch
        self.send(
            protocol.resync(epoch=head.epoch, seq=head.seq, unread=head.unread, reason=reason), (head.epoch, head.seq)
        )


def _unresumable(missed: Missed, since: int, epoch: str | None) -> ResyncReason | None:
    """Why the log cannot lead from `since` to the head; None where it can."""
    head = missed.head
    if epoch is not None and epoch != head.epoch:
        return ResyncReason.EPOCH
    if since > head.seq:
        return ResyncReason.AHEAD
    if since < head.floor:
        return ResyncReason.PURGED
    if since < head.seq and not missed.frames:
        return ResyncReason.BEHIND
    return None
