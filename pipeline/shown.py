"""What operators see of a task's arguments in Flower and in `celery inspect`.

Ours are ids, and are shown. What a service sends to be recorded is people's own, and is not: it stands in the outbox,
for those who may look there.
"""

from typing import Any, Final

from celery.worker.request import Request

#: Instead of what came.
UNSHOWN: Final = "(what a service sent: see the outbox)"


class Unshown(Request):
    """A request of which the arguments are not told to anybody who watches."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._argsrepr = self._kwargsrepr = UNSHOWN
