"""kombu's transport for Redis, with one client a channel instead of one a command.

Enters: the URL of a Redis or of its Sentinels. Leaves: the transport that Celery speaks to it with. kombu makes a new
client of redis-py for each command that a channel sends, and making one costs more than a command does: of what a
worker computes for a small event, it was a quarter. A client holds nothing but its pool, which is the channel's, so the
channel can keep it. RabbitMQ's transport is not touched.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis


class _KeptClient:
    """What both channels have in common."""

    pool: Any
    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """As kombu's. An asynchronous client has a connection of its own, and is made for whoever asks."""
        made = super()._create_client  # type: ignore[misc]  # the channel's, which comes after this class
        if asynchronous:
            return made(asynchronous=True)
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = made()
        return self._kept


class Channel(_KeptClient, redis.Channel):
    """A channel of one Redis."""


class SentinelChannel(_KeptClient, redis.SentinelChannel):
    """A channel of a Redis that Sentinels name."""


class Transport(redis.Transport):
    """redis:// and rediss://"""

    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    """sentinel://"""

    Channel = SentinelChannel


def install() -> None:
    """Have kombu use these for URLs of Redis."""
    TRANSPORT_ALIASES.update(
        redis=f"{__name__}:Transport", rediss=f"{__name__}:Transport", sentinel=f"{__name__}:SentinelTransport"
    )
