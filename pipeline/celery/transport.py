"""kombu's transports for Redis, made cheaper and more robust.

Input: the URL of a Redis or of its Sentinels. Output: the transport of Celery for it. RabbitMQ's is not changed. Five
things differ from kombu:

- A channel keeps its client. kombu makes a new client of redis-py for each command, which costs more than the command
  itself: it was a quarter of a worker's time for a small event. A client has no state except its pool,
  which belongs to the channel.
- A malformed message is dropped (malformed.py).
- A channel whose connection was given up raises a connection error. kombu closes such a channel a second time. If the
  first close stopped half way, it then looks up the address of the broker on a connection that no longer exists, and
  the worker ends.
- A broker that answers a connecting worker with an error (it is full, or has become a replica) counts as away, and is
  tried again. Celery would end.
- The existence of a queue is asked with the prefix of all keys, which kombu forgets in this command alone.
"""

from functools import partial
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import ResponseError

from . import malformed


class _OurChannel:
    """The common base of both channels."""

    connection: Any
    pool: Any
    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """Return the client of this channel. An asynchronous one has a connection of its own for each caller.

        Raises redis's ConnectionError on a channel whose connection was given up, as in an outage of the broker.
        """
        if self.connection is None or self.connection.client is None:
            raise NotConnected("The connection of this channel was given up")
        made = super()._create_client  # type: ignore[misc]  # the channel's, which comes after this class
        if asynchronous:
            return made(asynchronous=True)
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = made()
        return self._kept

    def _has_queue(self, queue: str, **_: Any) -> bool:
        return bool(self._size(queue))  # type: ignore[attr-defined]  # a list of Redis exists while it has an item

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # as above
        except malformed.DECODING_ERRORS as error:
            malformed.drop(error)
            return True


class Channel(_OurChannel, redis.Channel):
    """A channel of one Redis."""


class SentinelChannel(_OurChannel, redis.SentinelChannel):
    """A channel of a Redis behind Sentinel."""

    def _get_client(self) -> Any:
        """Return the class of clients: with a prefix of keys a partial, which old versions of kombu cannot use."""
        client: Any = super()._get_client()  # type: ignore[misc]  # not in the stubs
        if isinstance(client, partial) and not hasattr(client, "from_pool"):
            client.from_pool = client.func.from_pool  # type: ignore[attr-defined]  # redis-py takes its pool
        return client


class Transport(redis.Transport):
    """The transport of redis:// and rediss:// URLs."""

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)


class SentinelTransport(redis.SentinelTransport):
    """The transport of sentinel:// URLs."""

    Channel = SentinelChannel
    connection_errors = Transport.connection_errors


def install() -> None:
    """Register these transports for URLs of Redis."""
    TRANSPORT_ALIASES.update(
        redis=f"{__name__}:Transport", rediss=f"{__name__}:Transport", sentinel=f"{__name__}:SentinelTransport"
    )
