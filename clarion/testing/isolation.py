"""Replaces the two ways out of a test's process: hints to the broker, and messages to the channel layer.

A project's tests often run with the Redis of development. Without isolation a test would send hints to the workers of
that stack, and push frames into the browsers that are connected to it.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn
from unittest import mock

from django.conf import settings

from ..pipeline import delivery
from ..pipeline.celery import hints
from ..pipeline.celery.app import app
from ..pipeline.celery.queues import DELIVER, EXPAND
from ..shared import channel_layer as layers
from ..shared.channel_layer import ClarionChannelLayer
from ..shared.publisher import Broadcast

logger = logging.getLogger(__name__)

#: The work behind a hint.
_WORK: Final[dict[str, Callable[[int], None]]] = {EXPAND: delivery.expand, DELIVER: delivery.deliver}

#: The function that hands a hint to the broker.
_SEND: Final = hints._give


class SilentLayer(ClarionChannelLayer):
    """A channel layer without a server: messages are dropped, and everything else is refused."""

    def publish(self, messages: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Drop the messages; return their number."""
        return len(list(messages))

    def broadcast(self, broadcasts: Iterable[Broadcast]) -> int:
        """Build the messages, so that a fault in them shows, and drop them; return their number."""
        return sum(len(list(broadcast.values)) for broadcast in broadcasts)

    # All other methods reach Redis through one of these two.

    def _sync_publishers(self) -> NoReturn:
        _refuse()

    def _get_layer(self) -> NoReturn:
        _refuse()


def _refuse() -> NoReturn:
    raise RuntimeError(
        "a test asked the channel layer's Redis, from which Clarion's test kit keeps it: mark the test with "
        "@pytest.mark.clarion_real_servers, or leave isolated() for it"
    )


@contextmanager
def isolated() -> Iterator[None]:
    """Within this block no hint reaches a broker, and no message a channel layer.

    If tasks are eager (`CELERY_TASK_ALWAYS_EAGER`), the work of a hint is done when the hint is given, in this process.
    """
    with _replaced(SilentLayer(prefix="clarion-test"), _work_if_eager):
        yield


@contextmanager
def real_servers() -> Iterator[None]:
    """Within this block, inside of `isolated`, broker and channel layer are the real ones."""
    with _replaced(None, _SEND):
        yield


@contextmanager
def working_inline() -> Iterator[None]:
    """Within this block the work of a hint is done when it is given, and frames go to the real channel layer."""
    with _replaced(None, _work):
        yield


def is_working_inline() -> bool:
    """Return whether `working_inline` is in force."""
    return hints._give is _work


@contextmanager
def _replaced(layer: ClarionChannelLayer | None, give: Callable[..., None]) -> Iterator[None]:
    with (
        mock.patch.object(layers, "instead", layer),
        mock.patch.object(hints, "_give", give),
        # A broker that failed a moment ago is not asked: that is of no concern to a test without one.
        mock.patch.object(hints, "_leave_alone_until", 0.0),
    ):
        yield


def _work_if_eager(task: str, ids: Sequence[int], *_: Any) -> None:
    """Drop a hint, or do its work if tasks are eager."""
    if app.conf.task_always_eager or getattr(settings, "CELERY_TASK_ALWAYS_EAGER", False):
        _work(task, ids)


def _work(task: str, ids: Sequence[int], *_: Any) -> None:
    """Do the work of a hint. As on a worker, its failure is recorded on its row and does not reach the sender."""
    for work_id in ids:
        try:
            _WORK[task](work_id)
        except Exception:
            logger.exception("Work failed", extra={"task": task, "id": work_id})
