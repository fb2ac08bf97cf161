"""Celery's consumer, which no message can end, and which is soon back when the broker is.

Enters: messages, whoever wrote them. Leaves: Celery's own handling of those that are messages. One that has no
properties, or whose body is null, is dropped as what is no message at all (broker.py). What Celery knows how to refuse,
such as a task that nobody has declared, it refuses as always.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

from pipeline.broker import UNREADABLE, refused

logger = logging.getLogger(__name__)


#: Longest wait between two tries to reach a broker that is away (seconds). Celery's grows to half a minute, for which a
#: worker would go on waiting after the broker is back.
RECONNECT_LAST_SECONDS = 4


class Consumer(CeleryConsumer):
    """Celery's, which a message cannot end. Named in the setting `worker_consumer`."""

    def ensure_connected(self, conn: Any) -> Any:
        """As Celery's, with a shorter wait."""
        conn.ensure_connection = partial(conn.ensure_connection, interval_max=RECONNECT_LAST_SECONDS)
        return super().ensure_connected(conn)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """As Celery's; what that raises of a message is the message's end, not the worker's."""
        handle = super().create_task_handler(*args, **kwargs)

        def on_task_received(message: Any) -> None:
            try:
                handle(message)
            except UNREADABLE as error:
                refused(error)
                message.reject_log_error(logger, self.connection_errors)  # type: ignore[attr-defined]  # not in the stubs

        return on_task_received
