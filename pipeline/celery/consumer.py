"""Celery's consumer, extended: malformed messages do not end it, it reconnects soon, and sends Flower's events in bulk.

Input: messages from any program that may write to the broker. Output: Celery's own handling of well-formed messages. A
message without properties, or with a null body, is dropped (transport.py). A message that Celery itself can reject,
such as an undeclared task, is rejected as usual.
"""

import logging
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from amqp.exceptions import PreconditionFailed
from celery.platforms import EX_FAILURE
from celery.worker import state
from celery.worker.consumer import Consumer as CeleryConsumer
from celery.worker.request import Request

from .transport import UNREADABLE, refused

logger = logging.getLogger(__name__)


#: Longest wait between two tries to reach a broker that is away (seconds). Celery's grows to half a minute, for which a
#: worker would go on waiting after the broker is back.
RECONNECT_LAST_SECONDS = 4

#: Interval of the messages with task events for Flower (seconds).
EVENTS_EVERY_SECONDS = 0.1


class Consumer(CeleryConsumer):
    """Celery's, which a message cannot end. Named in the setting `worker_consumer`."""

    event_dispatcher: Any  # not in the stubs; None while there is no connection

    def ensure_connected(self, conn: Any) -> Any:
        """As Celery's, with a shorter wait."""
        conn.ensure_connection = partial(conn.ensure_connection, interval_max=RECONNECT_LAST_SECONDS)
        return super().ensure_connected(conn)

    def register_with_event_loop(self, hub: Any) -> None:
        """Start as Celery does, and send Flower's events at a fixed interval, from this thread alone.

        A full buffer would have a thread of the pool send it, on a connection that this one reads.
        """
        super().register_with_event_loop(hub)
        if self.event_dispatcher:
            self.event_dispatcher.buffer_limit = sys.maxsize
        hub.call_repeatedly(EVENTS_EVERY_SECONDS, self._tell_flower)

    def on_send_event_buffered(self) -> None:  # type: ignore[override]  # what it returns is not used
        """Celery would send an event to Flower at each step of each task, a tenth of the time of a small task."""

    def shutdown(self) -> None:
        """Stop as Celery does, after the last events are sent to Flower."""
        self._tell_flower()
        super().shutdown()

    def start(self) -> None:
        """Consume as Celery does; say what to do about a queue that another program declared in another way."""
        try:
            super().start()
        except PreconditionFailed as error:
            logger.critical(
                "A queue exists with other arguments than Clarion's: delete it, and have its sender declare it as in "
                "docs/howto/send-events-from-another-service.md",
                extra={"error": str(error)},
            )
            raise

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Return Celery's handler, for which a malformed message is the end of the message and not of the worker.

        An error that a well-formed message meets is the worker's own, and would come with every message. So the worker
        ends, with exit code 1, and the message stays on the broker.
        """
        handle = super().create_task_handler(*args, **kwargs)

        def on_task_received(message: Any) -> None:
            try:
                handle(message)
            except UNREADABLE as error:
                if self._is_well_formed(message):
                    logger.critical("The worker cannot take tasks and ends", exc_info=True)
                    # Raised on, a channel of Redis would take it for a malformed message. A cold shutdown ends with 0.
                    state.should_stop = EX_FAILURE  # type: ignore[assignment]  # None until then
                    return
                refused(error)
                message.reject_log_error(logger, self.connection_errors)  # type: ignore[attr-defined]  # not in the stubs

        return on_task_received

    def _is_well_formed(self, message: Any) -> bool:
        """Whether a request can be made of a message by itself."""
        try:
            args, kwargs, _ = message.payload
            request = Request(message, app=self.app, hostname=self.hostname)
            limits = [limit for limit in request.time_limits if limit is not None]
        except Exception:  # noqa: BLE001 - any error here is caused by the message
            return False
        return (
            isinstance(args, list) and isinstance(kwargs, dict) and all(isinstance(one, int | float) for one in limits)
        )

    def _tell_flower(self) -> None:
        if self.event_dispatcher:
            self.event_dispatcher.flush()
