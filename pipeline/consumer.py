"""What comes from the broker, kept from ending the worker.

Enters: messages, whoever wrote them. Leaves: Celery's own handling of those that are messages. Whatever is none (no
JSON, no properties, a body that is null) is dropped, logged and counted: Celery would end with it, and as it was not
acknowledged, the next worker would after it, and so on for ever. What Celery knows how to refuse, such as a task that
nobody has declared, it refuses as always. Nothing is lost by dropping: a hint is only a hint.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer
from kombu.transport import redis

from shared import metrics

logger = logging.getLogger(__name__)

#: What reading something raises that is no message. Errors of the connection are none of these, and are raised on.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class Consumer(CeleryConsumer):
    """Celery's, which a message cannot end. Named in the setting `worker_consumer`."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """As Celery's; what that raises of a message is the message's end, not the worker's."""
        handle = super().create_task_handler(*args, **kwargs)

        def on_task_received(message: Any) -> None:
            try:
                handle(message)
            except UNREADABLE as error:
                _refused(error)
                message.reject_log_error(logger, self.connection_errors)  # type: ignore[attr-defined]  # not in the stubs

        return on_task_received


class Channel(redis.Channel):
    """Kombu's; what lies on a queue and is no message is dropped when it is read."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # not in the stubs
        except UNREADABLE as error:
            _refused(error)
            return True


class RedisTransport(redis.Transport):
    """Kombu's, with such channels. Named in the setting `broker_transport`."""

    Channel = Channel


def _refused(error: Exception) -> None:
    metrics.MESSAGES_REFUSED.inc()
    logger.error("A message on the broker is none and was dropped", exc_info=error)
