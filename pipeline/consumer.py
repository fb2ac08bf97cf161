"""Celery's consumer, which no message can end.

Enters: messages, whoever wrote them. Leaves: Celery's own handling of those that are messages. One that has no
properties, or whose body is null, is dropped as what is no message at all (broker.py). What Celery knows how to refuse,
such as a task that nobody has declared, it refuses as always.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

from pipeline.broker import UNREADABLE, refused

logger = logging.getLogger(__name__)


class Consumer(CeleryConsumer):
    """Celery's, which a message cannot end. Named in the setting `worker_consumer`."""

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
