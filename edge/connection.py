"""One open connection: forwards published frames in order, and has gaps repaired from Postgres.

Input: the channel-layer messages for its user, which the layer passes by a callback, and the pages of the log that
were read. Output: text frames. A connection needs no task and no queue of its own unless something is missing
(repair.py).
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..shared import messages, metrics, protocol
from ..shared.inbox.queries import Head
from ..shared.messages import FRAME
from ..shared.protocol import AuthFailure, Close, ResyncReason
from ..shared.settings import Settings
from ..shared.tokens import Identity
from .credit import Credit
from .limits import TokenBucket
from .reader import ConnectState, InboxReader
from .repair import REPLAY, StreamRepair, unresumable
from .stream import Stream
from .transport import Cursor, Transport

logger = logging.getLogger(__name__)

#: How much may wait for the network of a client that has never acknowledged anything: one that reads leaves nothing
#: waiting, and one that does not costs this much (bytes).
UNACKNOWLEDGED_BYTES = 2**15
#: Seconds after which a client that sent or opened too much may try again.
RETRY_AFTER_SECONDS = 60
#: Of so many live frames one is measured: looking at the clock and counting costs a tenth of sending.
LAG_SAMPLE = 10
_TURN = itertools.count()
#: Looked up once: it is counted for every frame.
_SENT = {source: metrics.FRAMES_SENT.labels(source) for source in ("live", "repair")}


#: Before a socket's token is verified.
NOBODY = Identity(user_id=0, expires_at=0)


class Connection:
    """One accepted socket of one user."""

    __slots__ = (
        "_acks", "_early", "_timed", "_unknown_to_postgres", "_wire", "address", "closed", "credit", "epoch",
        "heard_at", "id", "identity", "mending", "opened_at", "parked_at", "rate", "refresh_by", "settings",
        "stream", "username",
    )  # fmt: skip

    def __init__(
        self, wire: Transport, session_id: str, *, settings: Settings, reader: InboxReader, acks: dict[int, int]
    ) -> None:
        now = asyncio.get_running_loop().time()
        self.id = session_id
        self.settings = settings
        self.identity = NOBODY
        self.username = ""
        self.address = ""
        self.epoch = ""
        self.refresh_by: float | None = None
        self.heard_at = self.opened_at = now
        self.rate = TokenBucket(self.settings.messages_per_minute, now)
        self.stream = Stream()
        self.mending = StreamRepair(self, reader)
        self.credit = Credit(self.settings.credit_frames, self.settings.credit_bytes)
        self.parked_at: float | None = None
        self.closed = False
        self._acks = acks
        self._wire = wire
        self._early: set[str] = set()  # the epochs of what came before it was opened
        self._unknown_to_postgres: int | None = None  # a seq that was sent and that Postgres did not have since
        self._timed: tuple[int, float] | None = None  # a seq that awaits its acknowledgement, and since when

    @property
    def user_id(self) -> int:
        """The user whose inbox this connection carries."""
        return self.identity.user_id

    @property
    def alive_at(self) -> float:
        """When the client last gave a sign of life: a message, or a ping or pong of the protocol."""
        return max(self.heard_at, self._wire.alive_at)

    @property
    def bidirectional(self) -> bool:
        """Whether the client can say anything."""
        return self._wire.bidirectional

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

    def exceed(self, limit: str) -> None:
        """Say that a limit is exceeded and when to come back, then close."""
        metrics.REFUSED.labels(limit).inc()
        self.send(protocol.rate_limited(RETRY_AFTER_SECONDS))
        self.close(Close.TOO_MANY)

    def received(self, message: Mapping[str, Any]) -> None:
        """Handle a message of the channel layer for this user: a frame, or the end of credentials or access."""
        if self.closed:
            return
        try:
            if message["type"] != FRAME:
                self._commanded(message)
                return
            seq, text = messages.frame_in(message)
        except (KeyError, TypeError, ValueError):
            metrics.LAYER_IGNORED.inc()
            logger.warning("Ignored a foreign message on a user's group", extra={"user": self.user_id})
            return
        if (epoch := message.get("epoch")) is not None and epoch != self.epoch:
            if self.stream.last is not None:
                # Epoch mismatch: the frame is from a discarded history, or our epoch is stale. Ask Postgres which.
                self.mending.doubt("epoch")
                return
            self._early.add(epoch)
        if self.parked_at is not None:
            self.stream.exists(seq)
            return
        frames = self.stream.published(seq, text)
        if frames:
            self.forward(frames, "live")
            if message.get("since") is not None and next(_TURN) % LAG_SAMPLE == 0:
                metrics.LAG.observe(time.time() - message["since"])
        if self.stream.behind:
            self.mending.begin("gap")

    def _commanded(self, message: Mapping[str, Any]) -> None:
        """Handle a message that carries no frame; raises KeyError or ValueError if it is of an unknown kind."""
        match message["type"]:
            case messages.REVOKED:
                self.refuse(AuthFailure.REVOKED)
            case messages.ENDED:
                if message["session"] in (None, self.identity.session):
                    self.refuse(AuthFailure.EXPIRED)
            case messages.POSITION:
                self._learn(message["epoch"], message["seq"])
            case unknown:
                raise ValueError(f"unknown type: {unknown}")

    def _learn(self, epoch: str | None, seq: int) -> None:
        """Take note of a frame that was published and whose text was not kept."""
        if epoch is not None and epoch != self.epoch and self.stream.last is not None:
            self.mending.doubt("epoch")
            return
        self.stream.exists(seq)
        if self.stream.behind:
            self.mending.begin("gap")

    def compare(self, epoch: str, seq: int, sent: int) -> None:
        """Compare the stream with a head that Postgres was just read to have, and repair the difference.

        `sent` is the last seq that was sent before that read began. Postgres must have it, since a frame is published
        after its commit. A replica may lag behind once; a seq that is missing in two reads of one epoch was never
        committed, so the next notification takes the same seq and would be dropped as a repetition.
        """
        if epoch != self.epoch:
            self.mending.doubt("quiet")
            return
        if self._unknown_to_postgres is not None and seq < self._unknown_to_postgres:
            self._unknown_to_postgres = None
            self.mending.rewind("quiet")
            return
        self._unknown_to_postgres = sent if seq < sent else None
        self.stream.exists(seq)
        if self.stream.behind:
            self.mending.begin("quiet")

    def acknowledged(self, seq: int) -> None:
        """Acknowledge all frames up to `seq`; a seq that was not sent yet is ignored."""
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
        self.unpark()

    def forward(self, frames: Sequence[str], source: str) -> None:
        """Send frames of the stream while there is credit; then park the connection.

        A parked connection ignores published frames. It continues from Postgres when its client has acknowledged, and
        is closed if it does not.
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
        """Continue, if the client has received enough of the sent frames."""
        if self.parked_at is None or self._wire.waiting * 2 > self._may_wait:
            return
        if self.credit.half_free or not self.bidirectional:
            self.parked_at = None
            if self.mending.is_needed:
                self.mending.begin("credit", wait=False)

    @property
    def _may_wait(self) -> int:
        """How much may wait for the client's network (bytes)."""
        judged = self.bidirectional and not self.credit.acknowledges
        return min(UNACKNOWLEDGED_BYTES, self.settings.credit_bytes) if judged else self.settings.credit_bytes

    def _may_send(self, text: str) -> bool:
        """Whether there is room. A client that does not acknowledge is judged by what its network takes alone."""
        if self._wire.waiting > self._may_wait:
            return False
        return not self.bidirectional or self.credit.take(len(text) if text.isascii() else len(text.encode()))

    def open(self, opening: ConnectState, since: int | None, epoch: str | None, *, confirm: bool = False) -> None:
        """Send CONNECTED and the frames after the cursor, or RESYNC if the cursor cannot be resumed.

        `confirm`: send AUTH_OK after CONNECTED, for clients that wait for it.
        """
        head = opening.missed.head
        self.username, self.epoch = opening.username, head.epoch
        reason = None if since is None else unresumable(opening.missed, since, epoch)
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
        if confirm:
            self.send(protocol.auth_ok(user_id=self.user_id, username=self.username, refreshed=False))
        if reason is not None:
            self.say_resync(opening.missed.head, reason)
        metrics.CONNECTS.labels(str(resumed).lower()).inc()
        if self._early - {head.epoch}:
            self.stream.forget()
            self.mending.doubt("epoch")
        self.forward(self.stream.open(start, opening.missed.frames if resumed else ()), "repair")
        self.stream.exists(head.seq)
        if (self.stream.last or 0) < head.seq:
            self.mending.begin(REPLAY, wait=False)  # the next page; where there is no credit, later
        elif self.stream.behind:
            self.mending.begin("gap")

    def forget(self) -> None:
        """The socket is gone."""
        self.closed = True
        self.mending.cancel()

    def say_resync(self, head: Head, reason: ResyncReason) -> None:
        """Send RESYNC: the log cannot lead on; the client reads a snapshot, as of `head` or later."""
        metrics.RESYNCS.labels(reason.value).inc()
        self.epoch = head.epoch
        self.send(
            protocol.resync(epoch=head.epoch, seq=head.seq, unread=head.unread, reason=reason), (head.epoch, head.seq)
        )
