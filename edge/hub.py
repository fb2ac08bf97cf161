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

from ..shared import acks, metrics, protocol
from ..shared.channel_layer import ClarionLoopLayer
from ..shared.groups import user_group
from ..shared.protocol import AuthFailure, Close
from ..shared.settings import Settings
from ..shared.user_keys import Key
from .connection import Connection
from .limits import ConcurrencyLimit, KeyedRateLimit, Refusals
from .reader import Access, InboxReader, ReadFailed
from .transport import Transport

logger = logging.getLogger(__name__)

#: Interval of the maintenance: silent sockets, expired tokens (seconds).
MAINTENANCE_SECONDS = 1.0
#: Time to send a new token after the old one has expired (seconds).
REFRESH_GRACE_SECONDS = 30
#: A socket is closed after this many heartbeats without a message, and after `silent_seconds` at the earliest.
SILENT_HEARTBEATS = 2.5
#: The head of a deleted user.
GONE = ("", 0, Access(active=False, not_before=None))
#: Longest wait for Redis to confirm a subscription before the socket opens without it (seconds).
SUBSCRIBE_WAIT_SECONDS = 1.0


class Hub:
    """All sockets of this process, and the one task that maintains them."""

    def __init__(self, settings: Settings, layer: ClarionLoopLayer, reader: InboxReader) -> None:
        self.settings = settings
        self.reader = reader
        self.acks: dict[Key, int] = {}  # by user, since the last save
        self.connects = KeyedRateLimit(settings.connects_per_minute)
        self.refusals = Refusals(settings.refusal_delay_seconds)
        self.delayed_refusals = 0  # refusals that wait for their answer
        self.draining = False  # refuses new connections
        self.stopping = False  # drains, and the process ends afterwards
        self._by_user: dict[Key, list[Connection]] = {}
        self._addresses = ConcurrencyLimit(settings.connections_per_address)
        self._layer = layer
        self._open: dict[str, Connection] = {}
        self._check_now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def connection(self, transport: Transport, session_id: str) -> Connection:
        """Return a new connection, which is not registered yet."""
        return Connection(transport, session_id, settings=self.settings, reader=self.reader, acks=self.acks)

    def start(self) -> None:
        """Start the maintenance task."""
        self._layer.on_return.append(self._check_now.set)
        self._layer.start()
        self._task = asyncio.get_running_loop().create_task(self.run_maintenance())

    def register(self, socket: Connection) -> str | None:
        """Register a socket; return the limit that it would exceed, if any.

        If a user has too many, the one that was silent for longest is closed. Most likely its client has vanished, for
        example a phone that changed its network, which would otherwise be noticed only by the time-out.
        """
        if not self._addresses.enter(socket.address):
            return "connections_per_address"
        others = self._by_user.setdefault(socket.user_id, [])
        if len(others) >= self.settings.connections_per_user:
            quietest = min(others, key=lambda other: other.alive_at)
            quietest.exceed("connections_per_user")
            self.unregister(quietest)
        # Removing the last one has removed the list.
        self._by_user.setdefault(socket.user_id, others).append(socket)
        self._open[socket.id] = socket
        metrics.SOCKETS.set(len(self._open))
        return None

    async def subscribe(self, socket: Connection) -> None:
        """Subscribe to the user's group. Without Redis the socket opens too, and position checks replace the frames."""
        group = user_group(socket.user_id)
        if not await self._layer.listen(group, socket.received, wait_seconds=SUBSCRIBE_WAIT_SECONDS):
            logger.warning("A socket opened while the channel layer is down", extra={"session": socket.id})

    def unregister(self, socket: Connection) -> None:
        """Unregister a closed socket."""
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
        """Return the open sockets."""
        return list(self._open.values())

    async def check_positions(self, among: Sequence[Connection] | None = None) -> None:
        """Compare all sockets with Postgres, or these, by one query for the heads and one for the sessions.

        Sockets that are behind or follow a discarded history are repaired. Those whose access or
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
            logger.warning("Postgres did not answer a position check", extra={"error": repr(error)})
            return
        for socket, last in zip(sockets, sent, strict=True):
            epoch, seq, access = heads.get(socket.user_id, GONE)
            if not access.admits(socket.identity):
                socket.refuse(AuthFailure.REVOKED)
            else:
                socket.compare(epoch, seq, last)
        await self._close_signed_out(sockets)

    async def _close_signed_out(self, sockets: Sequence[Connection]) -> None:
        """Close the sockets of ended sessions, because the message that should have closed them may be lost."""
        by_key: dict[str, list[Connection]] = {}
        for socket in sockets:
            if socket.identity.session_key is not None and not socket.closed:
                by_key.setdefault(socket.identity.session_key, []).append(socket)
        if not by_key:
            return
        try:
            ended = await self.reader.ended_sessions(list(by_key))
        except ReadFailed as error:
            logger.warning("Postgres did not answer the query for ended sessions", extra={"error": repr(error)})
            return
        for key in ended:
            for socket in by_key[key]:
                socket.refuse(AuthFailure.EXPIRED)

    async def run_maintenance(self) -> None:
        """Check positions, sockets and acknowledgements for ever, at their intervals."""
        loop = asyncio.get_running_loop()
        check_at = loop.time() + self.settings.quiet_loss_seconds
        while True:
            try:
                async with asyncio.timeout(MAINTENANCE_SECONDS):
                    await self._check_now.wait()
            except TimeoutError:
                pass
            try:
                if self._check_now.is_set() or loop.time() >= check_at:
                    self._check_now.clear()
                    check_at = loop.time() + self.settings.quiet_loss_seconds
                    await self.check_positions()
                self._check_each()
                await self._save_acks()
            except Exception:
                logger.exception("The maintenance of sockets failed and continues")

    async def _save_acks(self) -> None:
        """Save acknowledgements in Redis for the timelines of events; they may be lost."""
        if not self.acks:
            return
        seqs = dict(self.acks)
        self.acks.clear()
        try:
            await acks.save(self._layer, seqs)
        except (RedisError, OSError):
            logger.info("Could not save acknowledgements", extra={"count": len(seqs)})

    def _check_each(self) -> None:
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
