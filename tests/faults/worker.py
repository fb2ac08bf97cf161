"""A Celery worker that ends itself at a named point: `python -m tests.faults.worker worker --queues=…`.

Input: the arguments of `celery -A clarion.pipeline`, and FAULTS_POINT with the name of one of POINTS, if any. Output:
a worker like any other, which ends by SIGKILL when one of its threads comes to that point for the FAULTS_NTH time. If
FAULTS_POISON is part of an event's key, it ends each time that it has claimed that event. The product does not know
about this: the functions at the points are replaced before the worker starts. FAULTS_VISIBILITY_SECONDS shortens the
time after which Redis gives an unacknowledged task to another worker.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

#: Where a worker may end: before the call of any of these functions. Each is called by `clarion.pipeline.delivery`.
POINTS: Final[dict[str, tuple[str, ...]]] = {
    "before the claim": ("clarion.pipeline.outbox.work.claim_event", "clarion.pipeline.outbox.work.claim_batch"),
    "between claim and insert": ("clarion.pipeline.persist.persist",),
    "between expanding and the hints": ("clarion.pipeline.delivery.enqueue",),
    "between commit and publish": ("clarion.pipeline.publish.publish",),
    "between publish and mark": ("clarion.pipeline.outbox.work.finish", "clarion.pipeline.outbox.work.finish_inline"),
}


def main(argv: list[str]) -> None:
    """Become the worker."""
    import django

    django.setup()
    from clarion.pipeline.celery.app import app

    if seconds := os.environ.get("FAULTS_VISIBILITY_SECONDS"):
        app.conf.broker_transport_options = app.conf.broker_transport_options | {"visibility_timeout": float(seconds)}
    if point := os.environ.get("FAULTS_POINT"):
        die_at(point, int(os.environ["FAULTS_NTH"]))
    if poison := os.environ.get("FAULTS_POISON"):
        die_of(poison)
    app.start(argv)


def die_at(point: str, nth: int) -> None:
    """Have the process end when it comes to the point for the nth time."""
    turn = itertools.count(1)
    for path in POINTS[point]:
        module_name, _, name = path.rpartition(".")
        module = import_module(module_name)
        setattr(module, name, _dies(getattr(module, name), turn, nth))


def die_of(poison: str) -> None:
    """Have the process end whenever it has claimed the event of that key."""
    from clarion.pipeline.outbox import work

    claim = work.claim_event

    def claim_event(event_id: int) -> work.ClaimedEvent | None:
        event = claim(event_id)
        if event is not None and poison in event.key:
            os.kill(os.getpid(), signal.SIGKILL)
        return event

    work.claim_event = claim_event


def _dies(function: Callable[..., Any], turn: "itertools.count[int]", nth: int) -> Callable[..., Any]:
    def dies(*args: Any, **kwargs: Any) -> Any:
        if next(turn) >= nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return dies


if __name__ == "__main__":
    main(sys.argv[1:])
