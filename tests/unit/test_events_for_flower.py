"""The events that a worker sends to Flower."""

from typing import Any

from celery.events import EventDispatcher
from kombu import Connection

from clarion.pipeline.celery.consumer import Consumer


class Busy(EventDispatcher):
    """A dispatcher to whose buffer a thread of the pool adds an event while a batch is sent."""

    sent: list[list[str]]
    later: list[str]

    def _publish(self, event: Any, *_: Any, **__: Any) -> None:
        self.sent.append([one["type"] for one in event])
        if self.later:
            self.send(self.later.pop())


def test_event_during_sending_is_kept() -> None:
    """An event that is added while others are sent goes with the next batch."""
    with Connection("memory://") as connection:
        busy = Busy(connection, buffer_group=frozenset(["task"]), on_send_buffered=lambda: None)
        busy.sent, busy.later = [], ["task-succeeded"]
        consumer = Consumer.__new__(Consumer)
        consumer.event_dispatcher = busy
        busy.send("task-started")
        for _ in range(3):
            consumer._tell_flower()
        assert busy.sent == [["task-started"], ["task-succeeded"]]
