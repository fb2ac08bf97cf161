"""A worker's step that ends in SIGKILL at a named point: `python -m tests.acceptance.crash POINT EVENT_ID`.

Run as a process of its own, so that nothing of it survives but what Postgres committed.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django

POINTS = ("before_commit", "before_publish", "before_mark")


def killed(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(point: str, event_id: int) -> None:
    django.setup()
    from clarion.pipeline import delivery, persist, publish
    from clarion.pipeline.outbox import work

    places: dict[str, tuple[Any, str]] = {
        "before_commit": (persist, "persist"),
        "before_publish": (publish, "publish"),
        "before_mark": (work, "finish_inline"),
    }
    module, name = places[point]
    replacement: Callable[..., None] = killed
    setattr(module, name, replacement)
    delivery.expand(event_id)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
