"""Rate limits of kinds: how many events of one actor are delivered as a kind.

Input: a claimed event and its audiences. Output: the audiences within their kinds' limits, and the kinds that were
dropped; or Deferred, when the event has to wait. A kind over its limit gives each further event a turn of its own
(GCRA, the generic cell rate algorithm): one time is kept for each actor and kind, by which the events so far fit the
rate, and an event moves it on by one interval. An event whose turn is reserved waits for it once and is then
delivered, so events keep their order and none is woken in vain.
"""

from collections.abc import Sequence

from django.db import connection

from ..shared import metrics
from .audiences import Audience
from .kinds import Kind, Limit, Over, kind_of
from .outbox.work import ClaimedEvent
from .sql import load

_BEGIN = """
INSERT INTO clarion_pace (actor_id, kind, reserved_until) VALUES (%(actor)s, %(kind)s, clock_timestamp())
ON CONFLICT DO NOTHING
"""

_RESERVE = load("reserve_turn")


class Deferred(Exception):
    """A kind is over its limit, and the event has a turn of its own later."""

    def __init__(self, kind: str, seconds: float) -> None:
        super().__init__(f"{kind} is over the limit of its actor; deferred for {seconds:.0f} s")
        self.kind = kind
        self.seconds = seconds


def within(event: ClaimedEvent, audiences: Sequence[Audience]) -> tuple[list[Audience], list[str]]:
    """Return the audiences to deliver to, and the kinds that were dropped; raise Deferred."""
    kept: list[Audience] = []
    dropped: list[str] = []
    for audience in audiences:
        kind = kind_of(audience.kind)
        if kind.limit is None or event.actor_number is None or kind.name in event.slots:
            kept.append(audience)
            continue
        wait = _wait(event.actor_number, kind, kind.limit)
        if wait == 0:
            kept.append(audience)
            continue
        metrics.LIMITED.labels(kind.name, (Over.DROP if wait is None else Over.DEFER).value).inc()
        if wait is not None:
            raise Deferred(kind.name, wait)
        dropped.append(kind.name)
    return kept, dropped


def _wait(actor_id: int, kind: Kind, limit: Limit) -> float | None:
    """Return how long this event waits for its turn (seconds), 0 for not at all; None: it is dropped."""
    interval = limit.seconds / limit.events
    params: dict[str, str | float] = {
        "actor": actor_id,
        "kind": kind.name,
        "interval": interval,
        "burst": limit.seconds - interval,
        "wait": limit.defer_at_most_seconds if limit.over is Over.DEFER else -1.0,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, params)
        cursor.execute(_RESERVE, params)
        (wait,) = cursor.fetchone()
    return None if wait is None else float(wait)
