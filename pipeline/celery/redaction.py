"""Hides task arguments that services send from Flower, `celery inspect` and the worker's log.

The arguments of Clarion's own tasks are ids and are shown. A service sends data of people, which is in the outbox for
operators who may read it there.
"""

from typing import Any, Final

from celery.worker.request import Request

#: Shown instead of the arguments.
REDACTED: Final = "(what a service sent: see the outbox)"


class RedactedRequest(Request):
    """A request that shows its arguments nowhere."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._argsrepr = self._kwargsrepr = REDACTED
        # The worker's log of a failed task takes them from here.
        self.request_dict.update(argsrepr=REDACTED, kwargsrepr=REDACTED)
