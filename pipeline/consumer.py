"""Celery's consumer, which no message can end, which is soon back when the broker is, and tells Flower now and then.

Enters: messages, whoever wrote them. Leaves: Celery's own handling of those that are messages. One that has no
properties, or whose body is null, is dropped as what is no message at all (broker.py). What Celery knows how to refuse,
such as a task that nobody has declared, it refuses as always.
"""

import logging
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

from pipeline.broker import UNREADABLE, refused

logger = logging.getLogger(__name__)


#: Longest wait between two tries to reach a broker that is away (seconds). Celery's grows to half a minute, for which a
#: worker would go on waiting after the broker is back.
RECONNECT_LAST_SECONDS = 4

#: Between two messages with what Flower is told of tasks (seconds).
EVENTS_EVERY_SECONDS = 0.1


class Consumer(CeleryConsumer):
    """Celery's, which a message cannot end. Named in the setting `worker_consumer`."""

    event_dispatcher: Any  # not in the stubs; None while there is no connection

    def ensure_connected(self, conn: Any) -> Any:
        """As Celery's, with a shorter wait."""
        conn.ensure_connection = partial(conn.ensure_connection, interval_max=RECONNECT_LAST_SECONDS)
        return super().ensure_connected(conn)

    def register_with_event_loop(self, hub: Any) -> None:
        """As Celery's; and what Flower is told goes out so often, by this thread alone.

        A full buffer would have a thread of the pool send it, on a connection that this one reads.
        """
        super().register_with_event_loop(hub)
        if self.event_dispatcher:
            self.event_dispatcher.buffer_limit = sys.maxsize
        hub.call_repeatedly(EVENTS_EVERY_SECONDS, self._tell_flower)

    def on_send_event_buffered(self) -> None:  # type: ignore[override]  # what it returns is not used
        """Celery would tell Flower of each step of each task at once, which costs a small one a tenth of its time."""

    def shutdown(self) -> None:
        """As Celery's; Flower is told of the last tasks before."""
        self._tell_flower()
        super().shutdown()

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

    def _tell_flower(self) -> None:
        if self.event_dispatcher:
            self.event_dispatcher.flush()
