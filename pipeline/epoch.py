"""Begins a new epoch after a failover.

Input: a transaction that is about to assign seqs. Output: the epoch of its history. When a standby is promoted,
Postgres begins a new timeline. If the standby lagged, its inboxes have lost their last seqs, which would be assigned
again to other notifications. Therefore each statement that begins such a transaction compares the timeline with the
one stored beside the epoch. If they differ, `renewed` writes a new epoch in the same transaction, and each client
reads its inbox again.

The row of the epoch is locked before any inbox, so two such transactions do not deadlock.
"""

import logging
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from django.db import connection, transaction

from ..shared.inbox.queries import EPOCH

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

#: The first eight digits of the name of a file of the write-ahead log, or NULL if the server hides it. A
#: function of Clarion's migrations, which needs no privileges and takes some microseconds.
_TIMELINE: Final = "clarion_timeline()"

#: A column that is true if the timeline differs from that of the epoch; for the first statement of a transaction.
TIMELINE_CHANGED: Final = f"((SELECT timeline FROM clarion_epoch) IS DISTINCT FROM {_TIMELINE})"  # noqa: S608 - constants

#: A concurrent transaction waits for the row and then finds it current. The first timeline that is seen begins no
#: new history.
_RENEW = f"""
INSERT INTO clarion_epoch AS epoch (id, value, timeline) VALUES (1, '0', {_TIMELINE})
ON CONFLICT (id) DO UPDATE
   SET timeline = excluded.timeline, value = CASE WHEN epoch.timeline IS NULL THEN epoch.value ELSE %(new)s END
 WHERE epoch.timeline IS DISTINCT FROM excluded.timeline
"""  # noqa: S608 - constants


class TimelineChanged(Exception):
    """Under the lock of an inbox the timeline turned out to be a new one; see `follows_timeline`."""


def follows_timeline(action: Callable[P, R]) -> Callable[P, R]:
    """Decorate an action: if it raises TimelineChanged, renew the epoch and run it again."""

    @wraps(action)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return action(*args, **kwargs)
        except TimelineChanged:  # its transaction is rolled back, and its lock with it
            with transaction.atomic():
                renewed()
                return action(*args, **kwargs)

    return run


def new_value() -> str:
    """Return a value for an epoch that was never used before."""
    return secrets.token_hex(6)


def renewed() -> str:
    """Store the timeline beside the epoch, with a new epoch if it has changed; return the epoch."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {EPOCH}")
        (before,) = cursor.fetchone()
        cursor.execute(_RENEW, {"new": new_value()})
        cursor.execute(f"SELECT {EPOCH}")
        (epoch,) = cursor.fetchone()
    if epoch != before:
        logger.warning(
            "Postgres is on a new timeline; a new epoch makes clients read their inboxes again", extra={"epoch": epoch}
        )
    return str(epoch)
