"""How much one actor may tell: the limits that kinds declare.

Enters: a claimed event and its audiences. Leaves: the audiences that are within their kinds' limits, and the kinds
that were dropped; or Deferred, where a kind over its limit says that the event is to wait. What is counted are the
announcements of this actor and kind within the limit's window, however many heard each. Several workers that count
at the same moment may each let one more through: a limit is a brake, not a promise.
"""

from collections.abc import Sequence

from django.db import connection

from pipeline.audiences import Audience
from pipeline.kinds import Kind, Limit, Over, kind_of
from pipeline.outbox.work import ClaimedEvent
from shared import metrics

_TOLD = """
SELECT count(*), coalesce(extract(epoch FROM min(created_at) - now()) + %(seconds)s, 0)
  FROM (SELECT created_at FROM inbox_announcement
         WHERE actor_id = %(actor)s AND kind = %(kind)s AND created_at > now() - make_interval(secs => %(seconds)s)
         ORDER BY created_at DESC LIMIT %(events)s) told
"""

#: Not sooner, so that what is deferred does not come back for nothing (seconds).
DEFER_AT_LEAST_SECONDS = 1.0


class Deferred(Exception):
    """A kind is over its limit; the event is worked off later."""

    def __init__(self, kind: str, seconds: float) -> None:
        super().__init__(f"{kind} is over the limit of its actor; deferred for {seconds:.0f} s")
        self.seconds = seconds


def within(event: ClaimedEvent, audiences: Sequence[Audience]) -> tuple[list[Audience], list[str]]:
    """The audiences that may be told, and the kinds that were dropped; raises Deferred."""
    kept: list[Audience] = []
    dropped: list[str] = []
    for audience in audiences:
        kind = kind_of(audience.kind)
        wait = _over(event.actor_id, kind, kind.limit) if kind.limit else None
        if wait is None or kind.limit is None:
            kept.append(audience)
            continue
        metrics.LIMITED.labels(kind.name, kind.limit.over.value).inc()
        if kind.limit.over is Over.DEFER:
            raise Deferred(kind.name, wait)
        dropped.append(kind.name)
    return kept, dropped


def _over(actor_id: int | None, kind: Kind, limit: Limit) -> float | None:
    """Seconds until the actor is within the limit again; None where they are."""
    if actor_id is None:
        return None
    params: dict[str, str | int] = {
        "actor": actor_id,
        "kind": kind.name,
        "seconds": limit.seconds,
        "events": limit.events,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, params)
        told, seconds = cursor.fetchone()
    return max(float(seconds), DEFER_AT_LEAST_SECONDS) if told >= limit.events else None
