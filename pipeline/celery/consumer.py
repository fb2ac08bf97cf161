"""Celery's consumer, extended: malformed messages do not end it, it reconnects soon, and sends Flower's events in bulk.

Input: messages from any program that may write to the broker. Output: Celery's own handling of well-formed messages. A
message without properties, or with a null body, is dropped (malformed.py). A message that Celery itself can reject,
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

from . import malformed

logger = logging.getLogger(__name__)


#: Longest wait between two attempts to reach the broker (seconds). Celery's grows to half a minute, so a worker would
#: continue to wait after the broker is back.
RECONNECT_LAST_SECONDS = 4

#: Interval of the messages with task events for Flower (seconds).
EVENTS_EVERY_SECONDS = 0.1


def _count_for_each_consumer(_: Any) -> bool:
    return True


class Consumer(CeleryConsumer):
    """Celery's consumer, which a message cannot end. The setting `worker_consumer` names it."""

    event_dispatcher: Any  # not in the stubs; None while there is no connection

    def ensure_connected(self, conn: Any) -> Any:
        """Connect as Celery does, with a shorter wait, and on RabbitMQ a prefetch count for each consumer."""
        conn.ensure_connection = partial(conn.ensure_connection, interval_max=RECONNECT_LAST_SECONDS)
        connected = super().ensure_connected(conn)
        transport: Any = connected.transport
        if transport.driver_type == "amqp":
            # Quorum queues reject a prefetch count for all consumers of a channel, which Celery before 5.5 asks for.
            transport.qos_semantics_matches_spec = _count_for_each_consumer
        return connected

    def register_with_event_loop(self, hub: Any) -> None:
        """Start as Celery does, and send Flower's events at a fixed interval, from this thread alone.

        With a full buffer a thread of the pool would send it, on a connection that this thread reads.
        """
        super().register_with_event_loop(hub)
        if self.event_dispatcher:
            self.event_dispatcher.buffer_limit = sys.maxsize
        hub.call_repeatedly(EVENTS_EVERY_SECONDS, self._tell_flower)

    def on_send_event_buffered(self) -> None:  # type: ignore[override]  # what it returns is not used
        """Buffer an event for Flower: sending one at each step took a tenth of the time of a small task."""

    def shutdown(self) -> None:
        """Stop as Celery does, after the last events are sent to Flower."""
        self._tell_flower()
        super().shutdown()

    def start(self) -> None:
        """Consume as Celery does; log the remedy for a queue that another program has declared differently."""
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
        """Return Celery's handler; a malformed message ends that message and not the worker.

        An error with a well-formed message is the worker's own, and would come with every message. So the worker
        ends, with exit code 1, and the message stays on the broker.
        """
        handle = super().create_task_handler(*args, **kwargs)

        def on_task_received(message: Any) -> None:
            try:
                handle(message)
            except malformed.DECODING_ERRORS as error:
                if self._is_well_formed(message):
                    logger.critical("The worker cannot consume its queues and exits", exc_info=True)
                    # Re-raised, it would look malformed to a channel of Redis; a cold shutdown exits with 0.
                    state.should_stop = EX_FAILURE  # type: ignore[assignment]  # None until then
                    return
                malformed.drop(error)
                message.reject_log_error(logger, self.connection_errors)  # type: ignore[attr-defined]  # not in the stubs

        return on_task_received

    def _is_well_formed(self, message: Any) -> bool:
        """Return whether Celery can build a request from the message alone."""
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
        """Send the buffered events, and remove those alone.

        While it sends, threads of the pool add more. Celery 5.3 would clear these too, and Flower would show their
        tasks as started for ever.
        """
        dispatcher = self.event_dispatcher
        if not dispatcher or dispatcher.producer is None:
            return
        dispatcher.flush(groups=False)
        with dispatcher.mutex:
            for group, events in list(dispatcher._group_buffer.items()):
                if batch := events.copy():
                    dispatcher._publish(batch, dispatcher.producer, f"{group}.multi")
                    del events[: len(batch)]
