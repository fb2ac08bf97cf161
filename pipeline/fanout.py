"""Fan-out: resolves the audiences of an event into batches of recipients, in SQL.

Input: a claimed event and its audiences in order of precedence. Output: an announcement for each audience that has
recipients, the recipients in batches in the outbox, and the event marked as expanded, or as done if it has no
recipients. One statement does all of it, and no list of recipients passes through Python. It runs in the transaction
that claimed the event. If the event is small enough to be delivered inline, it also locks the inboxes of the
recipients.

An audience loses the actor and the users who muted its kind or topic. A user in several audiences is notified by the
first of them only.
"""

import itertools
import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.core.exceptions import EmptyResultSet
from django.db import ProgrammingError, connection, transaction
from django.db.models.expressions import RawSQL

from ..shared.protocol import NotificationContent
from ..shared.settings import get_settings
from . import names, prepared
from .audiences import Audience
from .celery.queues import BURSTS
from .errors import InvalidAudience
from .json_values import encode
from .outbox.work import ClaimedBatch, ClaimedEvent
from .prepared import ALONG_THE_INDEX

#: When the sweep first checks unfinished batches, as a factor of `sweep_after_seconds`: soon if they are delivered
#: inline, so that only a crash can have left them; later if they wait in a queue behind each other.
SWEEP_AT_ONCE = 0.5
SWEEP_QUEUED = 3

#: One of these for each audience, joined by UNION ALL.
_CANDIDATES = """
SELECT {rank} AS rank, %(kind_{rank})s::text AS kind, %(topic_{rank})s::text AS topic, q.user_id::bigint
  FROM ({who}) q(user_id)
"""

#: In their place if an event has no audience.
_NOBODY = "SELECT NULL::int AS rank, NULL::text AS kind, NULL::text AS topic, NULL::bigint AS user_id WHERE false"

#: Returns at least one row, for the totals. CTEs are scanned once until rows are grouped into batches. Muted recipients
#: have a NULL rank, so the same pass counts them. The statement also locks the inboxes if there are few recipients and
#: none is missing (persist.py gives the reason): storing has to begin after the locks, and this saves a round trip. For
#: the same reason it sets how the storing statement is planned.
_FAN_OUT = """
WITH heard AS (
    SELECT c.user_id, min(c.rank) FILTER (WHERE m.user_id IS NULL) AS rank
      FROM ({candidates}) c
      LEFT JOIN clarion_mute m ON m.user_id = c.user_id AND (m.kind IS NULL OR m.kind = c.kind)
                            AND (m.topic IS NULL OR m.topic = c.topic)
     WHERE c.user_id IS NOT NULL AND (c.user_id <> %(actor)s OR %(actor)s IS NULL)
     GROUP BY c.user_id
),
numbered AS (
    SELECT user_id, rank, (row_number() OVER (PARTITION BY rank ORDER BY user_id) - 1) / %(size)s AS number FROM heard
),
cut AS (
    SELECT rank, number, array_agg(user_id) AS recipients FROM numbered GROUP BY rank, number
),
total AS (
    SELECT coalesce(sum(cardinality(recipients)) FILTER (WHERE rank IS NOT NULL), 0) AS n,
           coalesce(sum(cardinality(recipients)) FILTER (WHERE rank IS NULL), 0) AS muted
      FROM cut
),
told (rank, kind, topic, data, message_id, conversation_id) AS (VALUES {told}),
announced AS (
    INSERT INTO clarion_announcement
           (event_id, kind, topic, data, message_id, conversation_id, actor_id, actor_username, traceparent, created_at)
    SELECT %(event)s, kind, topic, data, message_id, conversation_id, %(actor)s, ({username}), %(traceparent)s,
           clock_timestamp()
      FROM told WHERE rank IN (SELECT rank FROM cut)
    RETURNING id, kind, actor_username, created_at
),
batches AS (
    INSERT INTO clarion_batch (event_id, announcement_id, number, recipients, lane, next_attempt_at)
    SELECT %(event)s, announced.id, cut.number, cut.recipients,
           CASE WHEN total.n <= %(small)s THEN %(lane)s ELSE %(bursts)s END,
           now() + make_interval(secs => CASE WHEN total.n <= %(few)s THEN %(soon)s ELSE %(later)s END)
      FROM cut JOIN told USING (rank) JOIN announced USING (kind) CROSS JOIN total
     ORDER BY rank, number -- as ids are given, so batches are worked off
    RETURNING id, announcement_id
),
expanded AS (
    UPDATE clarion_event
       SET state = CASE WHEN total.n = 0 THEN 'done' ELSE 'expanded' END, error = '', recipients = total.n,
           muted = total.muted, dropped = %(dropped)s, enqueued_at = to_timestamp(%(enqueued_at)s),
           expanded_at = clock_timestamp(), finished_at = CASE WHEN total.n = 0 THEN clock_timestamp() END
      FROM total WHERE clarion_event.id = %(event)s
),
few AS ( -- LIMIT tells the planner alone: a plan for no values in particular would seem dear, and each cut be planned
    SELECT unnest(recipients) AS user_id FROM cut JOIN total ON total.n <= %(few)s WHERE rank IS NOT NULL
     LIMIT %(few)s
),
known AS (
    SELECT count(i.user_id) AS n
      FROM few LEFT JOIN LATERAL (SELECT user_id FROM clarion_inbox WHERE user_id = few.user_id LIMIT 1) i ON true
),
locked AS (
    SELECT i.user_id
      FROM (SELECT user_id FROM few WHERE (SELECT n FROM known) = (SELECT n FROM total) ORDER BY user_id) few
     CROSS JOIN LATERAL (SELECT user_id FROM clarion_inbox WHERE user_id = few.user_id LIMIT 1 FOR NO KEY UPDATE) i
)
SELECT total.n::bigint, total.muted::bigint, (SELECT count(*) FROM locked), batches.id, announced.id, announced.kind,
       announced.actor_username, announced.created_at
  FROM total CROSS JOIN (SELECT {along_the_index}) storing
  LEFT JOIN (batches JOIN announced ON announced.id = batches.announcement_id) ON true
 ORDER BY batches.id
"""

#: One of these for each audience too, and what stands there without any.
_TOLD = """
({rank}, %(kind_{rank})s::text, %(topic_{rank})s::text, %(data_{rank})s::jsonb, %(message_id_{rank})s::text,
 %(conversation_id_{rank})s::text)
"""
_TOLD_NOTHING = "(NULL::int, NULL::text, NULL::text, NULL::jsonb, NULL::text, NULL::text)"


#: State of each statement, by its text: executed once; can be prepared; or cannot, because a value of the application's
#: query has no type that Postgres can infer from the statement alone. Each shape of audiences has a statement.
_shapes: dict[str, Literal["seen", "typed", "untyped"]] = {}
#: Statements that are remembered. An application with a new shape for each event (ids in a list) is not prepared.
SHAPES_MAX = 300


@dataclass(frozen=True, slots=True)
class FanOut:
    """The result of a fan-out: the number of recipients and their batches.

    `inline` holds the batches themselves if there are so few recipients that the same task delivers them, and is empty
    otherwise. `locked` is true if each of these recipients has an inbox, which this transaction has locked.
    """

    recipients: int
    muted: int
    batch_ids: Sequence[int] = ()
    inline: Sequence[ClaimedBatch] = ()
    locked: bool = False
    lane: str = BURSTS


def fan_out(
    event: ClaimedEvent,
    audiences: Sequence[Audience],
    *,
    dropped: Sequence[str] = (),
    enqueued_at: float | None = None,
    inline: bool = True,
) -> FanOut:
    """Write the announcements and batches of `event` and record that on the event; raise InvalidAudience.

    `dropped` are the kinds that were left out because the actor is over their limit; `enqueued_at` is the Unix time of
    the hint. Both are for the timeline of the event. Without `inline`, few recipients get a task of their own too.
    """
    settings = get_settings()
    few = settings.deliver_at_once if inline else 0
    params: dict[str, Any] = {
        "event": event.id,
        "actor": event.actor_id,
        "traceparent": event.traceparent,
        "size": settings.batch_size,
        "few": few,
        "small": settings.deliver_at_once,
        "soon": settings.sweep_after_seconds * SWEEP_AT_ONCE,
        "later": settings.sweep_after_seconds * SWEEP_QUEUED,
        "lane": event.lane,
        "bursts": BURSTS,
        "dropped": list(dropped),
        "enqueued_at": enqueued_at,
    }
    rows = _rows(_statement(audiences, params), params)
    total, muted, locked = rows[0][:3]
    if not total:
        return FanOut(0, muted)

    by_kind = {audience.kind: audience for audience in audiences}
    delivered_inline = [
        ClaimedBatch(
            batch_id,
            event.id,
            announcement_id,
            _announced(by_kind[kind], event, username, created_at),
            event.recorded_at,
            event.epoch,
        )
        for *_, batch_id, announcement_id, kind, username, created_at in rows
        if total <= few and kind is not None
    ]
    lane = event.lane if total <= settings.deliver_at_once else BURSTS
    return FanOut(total, muted, [row[3] for row in rows], delivered_inline, locked == total, lane)


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Execute the fan-out. A statement that comes again is prepared if it can be, which a savepoint finds out."""
    known = _shapes.get(sql)
    if known is None:
        if len(_shapes) >= SHAPES_MAX:
            _shapes.clear()
        _shapes[sql] = "seen"
    elif known != "untyped":
        try:
            with nullcontext() if known == "typed" else transaction.atomic(), prepared.cursor() as cursor:
                cursor.execute(sql, params)
                rows = list(cursor.fetchall())
        except ProgrammingError:
            if known == "typed":
                raise
            _shapes[sql] = "untyped"
        else:
            _shapes[sql] = "typed"
            return rows
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _statement(audiences: Sequence[Audience], params: dict[str, Any]) -> str:
    """Return _FAN_OUT for these audiences; add the parameters of their querysets and their content to `params`."""
    candidates: list[str] = []
    told: list[str] = []
    for rank, audience in enumerate(audiences, start=1):
        compiled = _compiled(audience)
        if compiled is None:
            continue
        sql, own = compiled
        fields = ("kind", "topic", "data", "message_id", "conversation_id")
        params |= {f"{field}_{rank}": getattr(audience, field) for field in fields}
        params[f"data_{rank}"] = encode(audience.data, "data")
        params |= {f"own_{rank}_{number}": value for number, value in enumerate(own)}
        candidates.append(_CANDIDATES.format(rank=rank, who=_named(sql, f"own_{rank}_")))
        told.append(_TOLD.format(rank=rank))
    return _FAN_OUT.format(
        candidates=" UNION ALL ".join(candidates) or _NOBODY,
        told=", ".join(told) or _TOLD_NOTHING,
        username=names.actor_sql(),
        along_the_index=ALONG_THE_INDEX,
    )


def _compiled(audience: Audience) -> tuple[str, Sequence[Any]] | None:
    """Return the SQL of the user ids, one column, and its parameters; None for an empty queryset."""
    if isinstance(audience.who, RawSQL):
        return audience.who.sql, audience.who.params
    query = audience.who.query
    # Drop ORDER BY, which is wasted work, except where it decides which users are included: a slice and DISTINCT ON.
    who = audience.who if query.is_sliced or query.distinct_fields else audience.who.order_by()
    compiler = who.query.get_compiler(connection=connection)
    try:
        sql, params = compiler.as_sql()
    except EmptyResultSet:
        return None
    if len(compiler.select) != 1:
        raise InvalidAudience(
            f"the queryset of {audience.kind} has {len(compiler.select)} columns, it must have one of user ids: "
            "end it with .values_list('pk')"
        )
    return sql, params


def _named(sql: str, prefix: str) -> str:
    """SQL with its parameters named by their place instead."""
    places = itertools.count()
    return re.sub("%[s%]", lambda found: "%%" if found[0] == "%%" else f"%({prefix}{next(places)})s", sql)


def _announced(
    audience: Audience, event: ClaimedEvent, username: str | None, created_at: datetime
) -> NotificationContent:
    return NotificationContent(
        kind=audience.kind,
        created_at=created_at,
        data=audience.data,
        actor_id=event.actor_id,
        actor_username=username,
        topic=audience.topic,
        message_id=audience.message_id,
        conversation_id=audience.conversation_id,
        traceparent=event.traceparent,
    )
