"""All open connections of this process: register, position checks, maintenance.

Input: admitted connections. One task for each process compares their seqs with Postgres (the position check), closes
silent and expired connections, and passes on acknowledgements. So a lost frame is found even if no later frame shows a
gap.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

from redis.exceptions import RedisError

from ..shared import metrics, protocol
from ..shared.channel_layer import ClarionLoopLayer
from ..shared.groups import user_group
from ..shared.protocol import AuthFailure, Close
from ..shared.settings import Settings
from .connection import Connection
from .limits import ConcurrencyLimit, KeyedRateLimit, Refusals
from .reader import Access, InboxReader, ReadFailed
from .transport import Transport

logger = logging.getLogger(__name__)

#: How often the process looks after its sockets: silence, expired tokens (seconds).
LOOK_AFTER_EVERY_SECONDS = 1.0
#: How long a client has to send a new token once its old one has expired (seconds).
REFRESH_GRACE_SECONDS = 30
#: A socket is closed after this many heartbeats without a message, and after `silent_seconds` at the earliest.
SILENT_HEARTBEATS = 2.5
#: Stands for a user who was deleted.
GONE = ("", 0, Access(active=False, not_before=None))
#: Longest wait for Redis to confirm a subscription before the socket goes on without (seconds).
SUBSCRIBE_WAIT_SECONDS = 1.0


class Hub:
    """All sockets of this process, and the one task that looks after them."""

    def __init__(self, settings: Settings, layer: ClarionLoopLayer, reader: InboxReader) -> None:
        self.settings = settings
        self.reader = reader
        self.acks: dict[int, int] = {}  # by user, since they were last stored
        self.connects = KeyedRateLimit(settings.connects_per_minute)
        self.refusals = Refusals(settings.refusal_delay_seconds)
        self.held_back = 0  # refusals that wait for their answer
        self.draining = False  # refuses new connections
        self.stopping = False  # drains, and the process ends afterwards
        self._by_user: dict[int, list[Connection]] = {}
        self._addresses = ConcurrencyLimit(settings.connections_per_address)
        self._layer = layer
        self._open: dict[str, Connection] = {}
        self._look_now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def connection(self, transport: Transport, session_id: str) -> Connection:
        """Return a new connection, which is not registered yet."""
        return Connection(transport, session_id, settings=self.settings, reader=self.reader, acks=self.acks)

    def start(self) -> None:
        """Begin to look after the sockets."""
        self._layer.on_return.append(self._look_now.set)
        self._layer.start()
        self._task = asyncio.get_running_loop().create_task(self._look_after())

    def enter(self, socket: Connection) -> str | None:
        """Add a socket; return the limit that it would exceed, if there is one.

        If a user has too many, the one that was silent for longest is closed. Most likely its client has vanished, for
        example a phone that changed its network, which would otherwise be noticed only by the time-out.
        """
        if not self._addresses.enter(socket.address):
            return "connections_per_address"
        others = self._by_user.setdefault(socket.user_id, [])
        if len(others) >= self.settings.connections_per_user:
            quietest = min(others, key=lambda other: other.alive_at)
            quietest.exceed("connections_per_user")
            self.remove(quietest)
        # Removing the last one has removed the list.
        self._by_user.setdefault(socket.user_id, others).append(socket)
        self._open[socket.id] = socket
        metrics.SOCKETS.set(len(self._open))
        return None

    async def listen(self, socket: Connection) -> None:
        """Listen for a socket's user; without Redis it goes on, and is repaired from Postgres until Redis is back."""
        group = user_group(socket.user_id)
        if not await self._layer.listen(group, socket.received, wait_seconds=SUBSCRIBE_WAIT_SECONDS):
            logger.warning("A socket opened without the channel layer", extra={"session": socket.id})

    def remove(self, socket: Connection) -> None:
        """The socket is gone."""
        if self._open.pop(socket.id, None) is not None:
            metrics.SOCKETS.set(len(self._open))
            mine = self._by_user[socket.user_id]
            mine.remove(socket)
            if not mine:
                del self._by_user[socket.user_id]
            self._addresses.leave(socket.address)
            self._layer.unlisten(user_group(socket.user_id), socket.received)
        socket.forget()

    def all(self) -> list[Connection]:
        """The sockets that are open now."""
        return list(self._open.values())

    async def find_quiet_loss(self, among: Sequence[Connection] | None = None) -> None:
        """Compare all sockets with Postgres, or these, by one query for the heads and one for the sessions.

        Those that fell behind without noticing, or that follow a discarded history, are repaired. Those whose access or
        session has ended are closed, because the message that should have closed them may be lost.
        """
        sockets = [socket for socket in among or self.all() if socket.stream.last is not None]
        if not sockets:
            return
        sent = [socket.stream.last or 0 for socket in sockets]
        try:
            heads = await self.reader.heads(list({socket.user_id for socket in sockets}))
        except ReadFailed as error:
            metrics.REPAIRS_FAILED.inc()
            logger.warning("Postgres did not answer the look for quiet loss", extra={"error": repr(error)})
            return
        for socket, last in zip(sockets, sent, strict=True):
            epoch, seq, access = heads.get(socket.user_id, GONE)
            if not access.admits(socket.identity):
                socket.refuse(AuthFailure.REVOKED)
            else:
                socket.compare(epoch, seq, last)
        await self._close_signed_out(sockets)

    async def _close_signed_out(self, sockets: Sequence[Connection]) -> None:
        """Close the sockets that a session's cookie opened, if the session is gone: the message of it may be lost."""
        by_key: dict[str, list[Connection]] = {}
        for socket in sockets:
            if socket.identity.session_key is not None and not socket.closed:
                by_key.setdefault(socket.identity.session_key, []).append(socket)
        if not by_key:
            return
        try:
            ended = await self.reader.ended_sessions(list(by_key))
        except ReadFailed as error:
            logger.warning("Postgres did not answer which sessions have ended", extra={"error": repr(error)})
            return
        for key in ended:
            for socket in by_key[key]:
                socket.refuse(AuthFailure.EXPIRED)

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
                self._look_at_each()
                await self._tell_acks()
            except Exception:
                logger.exception("Looking after the sockets failed; it goes on")

    async def _tell_acks(self) -> None:
        """Store acknowledgements in Redis for the timelines of events; they may be lost."""
        if not self.acks:
            return
        told = dict(self.acks)
        self.acks.clear()
        try:
            await self._layer.note_acks(told)
        except (RedisError, OSError):
            logger.info("Acknowledgements were not noted", extra={"count": len(told)})

    def _look_at_each(self) -> None:
        """Continue parked connections that have room again, and close those that exceeded their time."""
        now, wall = asyncio.get_running_loop().time(), time.time()
        silence = max(self.settings.heartbeat_seconds * SILENT_HEARTBEATS, self.settings.silent_seconds)
        for socket in self.all():
            socket.unpark()
            if now - socket.alive_at > silence:
                socket.close(Close.SILENT)
            elif socket.parked_at is not None and now - socket.parked_at > self.settings.parked_seconds:
                socket.close(Close.TOO_SLOW)
            elif socket.refresh_by is not None and now > socket.refresh_by:
                socket.refuse(AuthFailure.EXPIRED)
            elif socket.refresh_by is None and (
                wall > socket.identity.expires_at or now - socket.opened_at > self.settings.socket_age_seconds
            ):
                socket.refresh_by = now + REFRESH_GRACE_SECONDS
                socket.send(protocol.auth_refresh_required(REFRESH_GRACE_SECONDS))
