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
from ..shared.user_keys import Key
from .credit import Credit
from .limits import TokenBucket
from .reader import ConnectState, InboxReader
from .repair import REPLAY, StreamRepair
from .stream import Stream
from .transport import Cursor, Transport

logger = logging.getLogger(__name__)

#: Maximum unsent bytes of a client that has never acknowledged: one that reads leaves nothing unsent, and one that does
#: not read costs this much.
UNACKNOWLEDGED_BYTES = 2**15
#: Retry delay of a client that exceeded a limit (seconds).
RETRY_AFTER_SECONDS = 60
#: One of this many live frames is measured, because measuring costs a tenth of sending.
LAG_SAMPLE = 10
_TURN = itertools.count()
#: Looked up once, because it counts every frame.
_SENT = {source: metrics.FRAMES_SENT.labels(source) for source in ("live", "repair")}


#: The identity before the token is verified.
NOBODY = Identity(user_id=0, expires_at=0)


class Connection:
    """One accepted socket of one user."""

    __slots__ = (
        "_acks",
        "_awaiting_ack",
        "_early_epochs",
        "_missing_in_postgres",
        "_transport",
        "address",
        "closed",
        "credit",
        "epoch",
        "id",
        "identity",
        "last_message_at",
        "opened_at",
        "parked_at",
        "rate",
        "refresh_by",
        "repair",
        "settings",
        "stream",
        "username",
    )  # fmt: skip

    def __init__(
        self, transport: Transport, session_id: str, *, settings: Settings, reader: InboxReader, acks: dict[Key, int]
    ) -> None:
        now = asyncio.get_running_loop().time()
        self.id = session_id
        self.settings = settings
        self.identity = NOBODY
        self.username = ""
        self.address = ""
        self.epoch = ""
        self.refresh_by: float | None = None
        self.last_message_at = self.opened_at = now
        self.rate = TokenBucket(self.settings.messages_per_minute, now)
        self.stream = Stream()
        self.repair = StreamRepair(self, reader)
        self.credit = Credit(self.settings.credit_frames, self.settings.credit_bytes)
        self.parked_at: float | None = None
        self.closed = False
        self._acks = acks
        self._transport = transport
        self._early_epochs: set[str] = set()  # epochs of frames that arrived before the connection was open
        self._missing_in_postgres: int | None = None  # a sent seq that Postgres did not have at the last check
        self._awaiting_ack: tuple[int, float] | None = (
            None  # a seq that awaits its acknowledgement, and the time of sending
        )

    @property
    def user_id(self) -> Key:
        """The user whose inbox this connection carries."""
        return self.identity.user_id

    @property
    def alive_at(self) -> float:
        """Time of the last message, ping or pong of the client (monotonic seconds)."""
        return max(self.last_message_at, self._transport.alive_at)

    @property
    def bidirectional(self) -> bool:
        """Whether the client can send messages."""
        return self._transport.bidirectional

    def send(self, text: str, cursor: Cursor | None = None) -> None:
        """Send one frame; `cursor` is the position of the client after it, if the frame moves it."""
        if not self._transport.send(text, cursor):
            self.closed = True  # the client has just disconnected; the server reports it

    def close(self, code: Close) -> None:
        """Close, once."""
        if not self.closed:
            self.closed = True
            metrics.CLOSES.labels(int(code)).inc()
            self._transport.close(code)

    def refuse(self, reason: AuthFailure) -> None:
        """Send the reason, then close with its code."""
        metrics.AUTH_FAILURES.labels(reason.value).inc()
        self.send(protocol.auth_failed(reason))
        self.close(reason.close_code)

    def exceed(self, limit: str) -> None:
        """Send RATE_LIMITED with a retry delay, then close."""
        metrics.REFUSED.labels(limit).inc()
        self.send(protocol.rate_limited(RETRY_AFTER_SECONDS))
        self.close(Close.TOO_MANY)

    def received(self, message: Mapping[str, Any]) -> None:
        """Handle a message of the channel layer for this user: a frame, or the end of credentials or access."""
        if self.closed:
            return
        try:
            if message["type"] != FRAME:
                self._control_received(message)
                return
            seq, text = messages.frame_in(message)
        except (KeyError, TypeError, ValueError):
            metrics.LAYER_IGNORED.inc()
            logger.warning("Ignored a malformed message on a user's group", extra={"user": self.user_id})
            return
        if (epoch := message.get("epoch")) is not None and epoch != self.epoch:
            if self.stream.last is not None:
                # Epoch mismatch: the frame is from a discarded history, or our epoch is stale. Ask Postgres which.
                self.repair.check_epoch("epoch")
                return
            self._early_epochs.add(epoch)
        if self.parked_at is not None:
            self.stream.exists(seq)
            return
        frames = self.stream.published(seq, text)
        if frames:
            self.forward(frames, "live")
            if message.get("since") is not None and next(_TURN) % LAG_SAMPLE == 0:
                metrics.LAG.observe(time.time() - message["since"])
        if self.stream.behind:
            self.repair.begin("gap")

    def _control_received(self, message: Mapping[str, Any]) -> None:
        """Handle a message that carries no frame; raises KeyError or ValueError if it is of an unknown kind."""
        match message["type"]:
            case messages.REVOKED:
                self.refuse(AuthFailure.REVOKED)
            case messages.ENDED:
                if message["session"] in (None, self.identity.session):
                    self.refuse(AuthFailure.EXPIRED)
            case messages.POSITION:
                self._position_received(message["epoch"], message["seq"])
            case unknown:
                raise ValueError(f"unknown type: {unknown}")

    def _position_received(self, epoch: str | None, seq: int) -> None:
        """Take the position of a frame that was published and whose text was not kept."""
        if epoch is not None and epoch != self.epoch and self.stream.last is not None:
            self.repair.check_epoch("epoch")
            return
        self.stream.exists(seq)
        if self.stream.behind:
            self.repair.begin("gap")

    def compare(self, epoch: str, seq: int, sent: int) -> None:
        """Compare the stream with the head that was just read from Postgres, and repair the difference.

        `sent` is the last seq that was sent before that read began. Postgres must have it, since a frame is published
        after its commit. A replica may lag behind once; a seq that is missing in two reads of one epoch was never
        committed, so the next notification takes the same seq and would be dropped as a repetition.
        """
        if epoch != self.epoch:
            self.repair.check_epoch("quiet")
            return
        if self._missing_in_postgres is not None and seq < self._missing_in_postgres:
            self._missing_in_postgres = None
            self.repair.rewind("quiet")
            return
        self._missing_in_postgres = sent if seq < sent else None
        self.stream.exists(seq)
        if self.stream.behind:
            self.repair.begin("quiet")

    def acknowledged(self, seq: int) -> None:
        """Acknowledge all frames up to `seq`; a seq that was not sent yet is ignored."""
        if self.stream.last is not None and 0 < seq <= self.stream.last:
            self.credit.acknowledged(seq, self.stream.last)
            if self._awaiting_ack is not None and seq >= self._awaiting_ack[0]:
                metrics.ACK_LAG.observe(asyncio.get_running_loop().time() - self._awaiting_ack[1])
                self._awaiting_ack = None
            self._acks[self.user_id] = max(self._acks.get(self.user_id, 0), seq)
            self.unpark()

    def record_message(self) -> None:
        """Record that the client sent a message."""
        self.last_message_at = asyncio.get_running_loop().time()
        self.unpark()

    def forward(self, frames: Sequence[str], source: str) -> None:
        """Send frames of the stream while there is credit; then park the connection.

        A parked connection ignores published frames. It continues from Postgres when its client has acknowledged, and
        is closed if it does not.
        """
        before = (self.stream.last or 0) - len(frames)
        for number, text in enumerate(frames, 1):
            if not self._has_room(text):
                self.stream.unsend(len(frames) - number + 1)
                self.parked_at = asyncio.get_running_loop().time()
                metrics.PARKED.inc()
                _SENT[source].inc(number - 1)
                return
            self.send(text, (self.epoch, before + number))
        _SENT[source].inc(len(frames))
        if self._awaiting_ack is None and frames:
            self._awaiting_ack = (self.stream.last or 0, asyncio.get_running_loop().time())

    def unpark(self) -> None:
        """Continue if the client has received enough of the sent frames."""
        if self.parked_at is None or self._transport.waiting * 2 > self._buffer_limit:
            return
        if self.credit.half_free or not self.bidirectional:
            self.parked_at = None
            if self.repair.is_needed:
                self.repair.begin("credit", wait=False)

    @property
    def _buffer_limit(self) -> int:
        """Maximum unsent bytes."""
        judged = self.bidirectional and not self.credit.acknowledges
        return min(UNACKNOWLEDGED_BYTES, self.settings.credit_bytes) if judged else self.settings.credit_bytes

    def _has_room(self, text: str) -> bool:
        """Return whether there is room. For a client that does not acknowledge, only unsent bytes count."""
        if self._transport.waiting > self._buffer_limit:
            return False
        return not self.bidirectional or self.credit.take(len(text) if text.isascii() else len(text.encode()))

    def open(self, state: ConnectState, since: int | None, epoch: str | None, *, confirm: bool = False) -> None:
        """Send CONNECTED and the frames after the cursor, or RESYNC if the cursor cannot be resumed.

        `confirm`: send AUTH_OK after CONNECTED, for clients that wait for it.
        """
        head = state.missed.head
        self.username, self.epoch = state.username, head.epoch
        reason = None if since is None else state.missed.resync_reason(since, epoch)
        resumed = since is not None and reason is None
        start = since if resumed and since is not None else head.seq
        self.send(
            protocol.connected(
                user_id=self.user_id,
                session_id=self.id,
                epoch=head.epoch,
                seq=head.seq,
                unread=head.unread,
                unseen=head.unseen,
                heartbeat_seconds=self.settings.heartbeat_seconds,
                resumed=resumed,
            ),
            None if resumed else (head.epoch, head.seq),
        )
        if confirm:
            self.send(protocol.auth_ok(user_id=self.user_id, username=self.username, refreshed=False))
        if reason is not None:
            self.send_resync(state.missed.head, reason)
        metrics.CONNECTS.labels(str(resumed).lower()).inc()
        if self._early_epochs - {head.epoch}:
            self.stream.forget()
            self.repair.check_epoch("epoch")
        self.forward(self.stream.open(start, state.missed.frames if resumed else ()), "repair")
        self.stream.exists(head.seq)
        if (self.stream.last or 0) < head.seq:
            self.repair.begin(REPLAY, wait=False)  # the next page, as soon as there is credit
        elif self.stream.behind:
            self.repair.begin("gap")

    def forget(self) -> None:
        """Stop the repairs, because the socket is closed."""
        self.closed = True
        self.repair.cancel()

    def send_resync(self, head: Head, reason: ResyncReason) -> None:
        """Send RESYNC, so that the client reads a snapshot as of `head` or later."""
        metrics.RESYNCS.labels(reason.value).inc()
        self.epoch = head.epoch
        frame = protocol.resync(epoch=head.epoch, seq=head.seq, unread=head.unread, unseen=head.unseen, reason=reason)
        self.send(frame, (head.epoch, head.seq))
