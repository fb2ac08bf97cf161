"""The open sockets of this process: forward what is published, repair what is missing, look after them, close them.

Enters: messages of the channel layer, called back by the layer itself; the reader of Postgres. Leaves: text frames on
the sockets. A socket costs no task and no queue while nothing is missing: one task a process looks after all of them,
and a repair is a task only while it runs.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from redis.exceptions import RedisError

from edge.limits import MessageRate
from edge.repair import Missed, Opening, Reader, ReadFailed
from edge.stream import Stream
from shared import metrics, protocol
from shared.groups import user_group
from shared.layer import ClarionLoopLayer
from shared.protocol import AuthFailure, Close, ResyncReason
from shared.settings import Settings
from shared.tokens import Identity

logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]

#: How often the process looks after its sockets: silence, expired tokens (seconds).
LOOK_AFTER_EVERY_SECONDS = 1.0
#: How long a client has to send a new token once its old one has expired (seconds).
REFRESH_GRACE_SECONDS = 30
#: A socket that is silent for so many heartbeats is closed.
SILENT_HEARTBEATS = 2
#: How often a log that does not reach a published seq is read again before its history is held to be another one, and
#: the first wait between (seconds; doubled each time). A replica may lag, a primary does not.
SHORT_LOG_READS = 5
SHORT_LOG_WAIT_SECONDS = 0.1
#: Wait before a repair that Postgres did not answer is tried again (seconds, with jitter).
REPAIR_RETRY_SECONDS = 1.0
#: Longest wait for Redis to confirm a subscription before the socket goes on without (seconds).
SUBSCRIBE_WAIT_SECONDS = 1.0


#: Before a socket's token is verified.
NOBODY = Identity(user_id=0, expires_at=0)


class Socket:
    """One accepted socket of one user."""

    __slots__ = (
        "_acks",
        "_mending",
        "_reader",
        "_send",
        "closed",
        "epoch",
        "heard_at",
        "id",
        "identity",
        "rate",
        "refresh_by",
        "settings",
        "stream",
        "username",
    )  # fmt: skip

    def __init__(self, sockets: "Sockets", send: Send, session_id: str) -> None:
        now = asyncio.get_running_loop().time()
        self.id = session_id
        self.settings = sockets.settings
        self.identity = NOBODY
        self.username = ""
        self.epoch = ""
        self.refresh_by: float | None = None
        self.heard_at = now
        self.rate = MessageRate(self.settings.messages_per_minute, now)
        self.stream = Stream()
        self.closed = False
        self._acks = sockets.acks
        self._reader = sockets.reader
        self._send = send
        self._mending: asyncio.Task[None] | None = None

    @property
    def user_id(self) -> int:
        """Whose inbox this socket carries, and nobody else's."""
        return self.identity.user_id

    def send(self, text: str) -> None:
        """Send one frame. Daphne's send never waits, so it is run to its end here, without a task."""
        self._step({"type": "websocket.send", "text": text})

    def close(self, code: Close) -> None:
        """Close, once."""
        if not self.closed:
            self.closed = True
            metrics.CLOSES.labels(int(code)).inc()
            self._step({"type": "websocket.close", "code": int(code)})

    def refuse(self, reason: AuthFailure) -> None:
        """Say why, then close with the code that goes with it."""
        metrics.AUTH_FAILURES.labels(reason.value).inc()
        self.send(protocol.auth_failed(reason))
        self.close(reason.close_code)

    def received(self, message: Mapping[str, Any]) -> None:
        """The channel layer has a frame for this user."""
        frames = self.stream.published(message["seq"], message["text"])
        if frames:
            self.forward(frames, "live")
        if self.stream.behind:
            self.mend("gap")

    def acknowledged(self, seq: int) -> None:
        """The client has all up to `seq`; of what it was never sent it cannot say so."""
        if self.stream.last is not None and 0 < seq <= self.stream.last:
            self._acks[self.user_id] = max(self._acks.get(self.user_id, 0), seq)

    def forward(self, frames: Iterable[str], source: str) -> None:
        """Send frames of the stream."""
        count = 0
        for text in frames:
            self.send(text)
            count += 1
        metrics.FRAMES_SENT.labels(source).inc(count)

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
            )
        )
        if reason is not None:
            self._say_resync(opening.missed, reason)
        metrics.CONNECTS.labels(str(resumed).lower()).inc()
        self.forward(self.stream.open(start, opening.missed.frames if resumed else ()), "repair")
        if self.stream.behind:
            self.mend("gap")

    def mend(self, cause: str) -> None:
        """Make sure that what is missing is read; one repair of a socket runs at a time."""
        if self._mending is None and not self.closed:
            self._mending = asyncio.get_running_loop().create_task(self._mend(cause))

    def forget(self) -> None:
        """The socket is gone."""
        self.closed = True
        if self._mending is not None:
            self._mending.cancel()

    async def _mend(self, cause: str) -> None:
        try:
            # Frames of two workers may overtake each other: the missing one is mostly a moment away.
            await asyncio.sleep(self.settings.straggler_milliseconds / 1000)
            if self.stream.behind and not self.closed:
                metrics.GAPS.inc()
                await self._read_until_caught_up(cause)
        except Exception:
            logger.exception("A repair failed", extra={"session": self.id, "user": self.user_id})
        finally:
            self._mending = None

    async def _read_until_caught_up(self, cause: str) -> None:
        short_reads = 0
        while self.stream.behind and not self.closed:
            last = self.stream.last or 0
            metrics.REPAIRS.labels(cause).inc()
            try:
                missed = await self._reader.missed(self.user_id, last)
            except ReadFailed as error:
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
            if reason is ResyncReason.AHEAD or short_reads > SHORT_LOG_READS:
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
        self.send(protocol.resync(epoch=head.epoch, seq=head.seq, unread=head.unread, reason=reason))

    def _step(self, message: dict[str, Any]) -> None:
        sending = self._send(message).__await__()
        try:
            next(sending)
        except StopIteration:
            return
        raise RuntimeError("send() waited: the edge is made for Daphne, whose send never does")


class Sockets:
    """All sockets of this process, and the one task that looks after them."""

    def __init__(self, settings: Settings, layer: ClarionLoopLayer, reader: Reader) -> None:
        self.settings = settings
        self.reader = reader
        self.acks: dict[int, int] = {}  # by user, since they were last told
        self._layer = layer
        self._open: dict[str, Socket] = {}
        self._look_now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def start(self) -> None:
        """Begin to look after the sockets."""
        self._layer.on_return.append(self._look_now.set)
        self._layer.start()
        self._task = asyncio.get_running_loop().create_task(self._look_after())

    async def add(self, socket: Socket) -> None:
        """Listen for a socket's user; without Redis it goes on, and is repaired from Postgres until Redis is back."""
        self._open[socket.id] = socket
        metrics.SOCKETS.set(len(self._open))
        group = user_group(socket.user_id)
        if not await self._layer.listen(group, socket.received, wait_seconds=SUBSCRIBE_WAIT_SECONDS):
            logger.warning("A socket opened without the channel layer", extra={"session": socket.id})

    def remove(self, socket: Socket) -> None:
        """The socket is gone."""
        if self._open.pop(socket.id, None) is not None:
            metrics.SOCKETS.set(len(self._open))
            self._layer.unlisten(user_group(socket.user_id), socket.received)
        socket.forget()

    def all(self) -> list[Socket]:
        """The sockets that are open now."""
        return list(self._open.values())

    async def find_quiet_loss(self) -> None:
        """Compare every socket with Postgres, by one query, and mend those that fell behind without noticing."""
        sockets = [socket for socket in self._open.values() if socket.stream.last is not None]
        if not sockets:
            return
        try:
            heads = await self.reader.heads(list({socket.user_id for socket in sockets}))
        except ReadFailed as error:
            metrics.REPAIRS_FAILED.inc()
            logger.warning("Postgres did not answer the look for quiet loss", extra={"error": repr(error)})
            return
        for socket in sockets:
            socket.stream.exists(heads.get(socket.user_id, 0))
            if socket.stream.behind:
                socket.mend("quiet")

    async def _look_after(self) -> None:
        loop = asyncio.get_running_loop()
        look_at = loop.time() + self.settings.quiet_loss_seconds
        while True:
            try:
                async with asyncio.timeout(LOOK_AFTER_EVERY_SECONDS):
                    await self._look_now.wait()
            except TimeoutError:
                pass
            try:
                if self._look_now.is_set() or loop.time() >= look_at:
                    self._look_now.clear()
                    look_at = loop.time() + self.settings.quiet_loss_seconds
                    await self.find_quiet_loss()
                self._close_overdue()
                await self._tell_acks()
            except Exception:
                logger.exception("Looking after the sockets failed; it goes on")

    async def _tell_acks(self) -> None:
        """Say what was acknowledged, for whoever asks for an event's story; it may be lost."""
        if not self.acks:
            return
        told = dict(self.acks)
        self.acks.clear()
        try:
            await self._layer.note_acks(told)
        except (RedisError, OSError):
            logger.info("Acknowledgements were not noted", extra={"count": len(told)})

    def _close_overdue(self) -> None:
        now, wall = asyncio.get_running_loop().time(), time.time()
        silence = self.settings.heartbeat_seconds * SILENT_HEARTBEATS
        for socket in self.all():
            if now - socket.heard_at > silence:
                socket.close(Close.SILENT)
            elif socket.refresh_by is not None and now > socket.refresh_by:
                socket.refuse(AuthFailure.EXPIRED)
            elif socket.refresh_by is None and wall > socket.identity.expires_at:
                socket.refresh_by = now + REFRESH_GRACE_SECONDS
                socket.send(protocol.auth_refresh_required(REFRESH_GRACE_SECONDS))


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
