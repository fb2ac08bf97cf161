"""kombu's transports for Redis, made cheaper and more robust.

Input: the URL of a Redis or of its Sentinels. Output: the transport of Celery for it. RabbitMQ's is not changed. Four
things differ from kombu:

- A channel keeps its client. kombu makes a new client of redis-py for each command of a channel, which costs more than
  the command itself: it was a quarter of a worker's time for a small event. A client has no state except its pool,
  which belongs to the channel.
- A malformed message is dropped, logged and counted. Celery would end with it, and because it was not acknowledged, so
  would the next worker, and so on forever. Nothing is lost, because a message is only a hint.
- A channel whose connection was given up raises a connection error. kombu closes such a channel a second time. If the
  first close stopped half way, it then looks up the address of the broker on a connection that no longer exists, and
  the worker ends.
- A broker that answers a connecting worker with an error (it is full, or has become a replica) counts as away, and is
  tried again. Celery would end.
"""

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import ResponseError

from ...shared import metrics

logger = logging.getLogger(__name__)

#: Errors of reading a malformed message. Connection errors are not among them, and are raised.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def refused(error: Exception) -> None:
    """Log and count a message that cannot be decoded."""
    metrics.MESSAGES_REFUSED.inc()
    logger.error("Dropped an undecodable message from the broker", exc_info=error)


class _OurChannel:
    """What both channels have in common."""

    connection: Any
    pool: Any
    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """Return the client of this channel. An asynchronous one has a connection of its own for each caller.

        Raises redis's ConnectionError on a channel whose connection was given up, as a broker that is away does.
        """
        if self.connection is None or self.connection.client is None:
            raise NotConnected("The connection of this channel was given up")
        made = super()._create_client  # type: ignore[misc]  # the channel's, which comes after this class
        if asynchronous:
            return made(asynchronous=True)
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = made()
        return self._kept

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # as above
        except UNREADABLE as error:
            refused(error)
            return True


class Channel(_OurChannel, redis.Channel):
    """A channel of one Redis."""


class SentinelChannel(_OurChannel, redis.SentinelChannel):
    """A channel of a Redis that Sentinels name."""


class Transport(redis.Transport):
    """redis:// and rediss://"""

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)


class SentinelTransport(redis.SentinelTransport):
    """sentinel://"""

    Channel = SentinelChannel
    connection_errors = Transport.connection_errors


def install() -> None:
    """Have kombu use these for URLs of Redis."""
    TRANSPORT_ALIASES.update(
        redis=f"{__name__}:Transport", rediss=f"{__name__}:Transport", sentinel=f"{__name__}:SentinelTransport"
    )
