"""Audiences into batches, in SQL.

Enters: a claimed event and its audiences in order of precedence. Leaves: one announcement for each audience that has
anyone left, and its recipients cut into batches in the outbox, all by one statement; no list of recipients passes
through Python, except of an event so small that it is delivered at once. Runs in the transaction that claimed the
event.

Who is left: of each audience, everyone but the actor and whoever muted that kind or topic; of what is left of several
audiences, a person hears the first.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet
from django.db import connection

from pipeline.audiences import Audience
from pipeline.errors import InvalidAudience
from pipeline.outbox.work import ClaimedBatch, ClaimedEvent
from shared.protocol import Announced
from shared.settings import load

#: When the sweep looks at batches that nobody has finished, in times of `sweep_after_seconds`: soon where they are
#: delivered at once and only a crash can have left them, later where they wait in a queue behind each other.
SWEEP_AT_ONCE = 0.5
SWEEP_QUEUED = 3

#: One of these for each audience, joined by UNION ALL. Parameters: rank, kind, topic, then the queryset's own.
_CANDIDATES = "SELECT %s::int AS rank, %s::text AS kind, %s::text AS topic, q.user_id::bigint FROM ({who}) q(user_id)"

#: Parameters: each audience's, actor twice, batch size, each audience's announcement, event, actor, username, trace,
#: event, at-once limit and delays, at-once limit. One row at least, for the totals. Nothing is read twice until it is a
#: handful of batches: whoever muted what they would have heard has no rank, and is counted with the others.
_CUT = """
WITH heard AS (
    SELECT c.user_id, min(c.rank) FILTER (WHERE m.user_id IS NULL) AS rank
      FROM ({candidates}) c
      LEFT JOIN inbox_mute m ON m.user_id = c.user_id AND (m.kind IS NULL OR m.kind = c.kind)
                            AND (m.topic IS NULL OR m.topic = c.topic)
     WHERE c.user_id IS NOT NULL AND (c.user_id <> %s OR %s IS NULL)
     GROUP BY c.user_id
),
numbered AS (
    SELECT user_id, rank, (row_number() OVER (PARTITION BY rank ORDER BY user_id) - 1) / %s AS number FROM heard
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
    INSERT INTO inbox_announcement
           (event_id, kind, topic, data, message_id, conversation_id, actor_id, actor_username, traceparent, created_at)
    SELECT %s, kind, topic, data, message_id, conversation_id, %s, %s, %s, clock_timestamp()
      FROM told WHERE rank IN (SELECT rank FROM cut)
    RETURNING id, kind, created_at
),
batches AS (
    INSERT INTO outbox_batch (event_id, announcement_id, number, recipients, next_attempt_at)
    SELECT %s, announced.id, cut.number, cut.recipients,
           now() + make_interval(secs => CASE WHEN total.n <= %s THEN %s ELSE %s END)
      FROM cut JOIN told USING (rank) JOIN announced USING (kind) CROSS JOIN total
    RETURNING id, announcement_id, recipients
)
SELECT total.n::bigint, total.muted::bigint, batches.id, announced.id, announced.kind, announced.created_at,
       CASE WHEN total.n <= %s THEN batches.recipients END
  FROM total
  LEFT JOIN (batches JOIN announced ON announced.id = batches.announcement_id) ON true
 ORDER BY batches.id
"""

_TOLD = "(%s::int, %s::text, %s::text, %s::jsonb, %s::text, %s::text)"


@dataclass(frozen=True, slots=True)
class Cut:
    """What an event's audiences came to: how many are told, in which batches.

    `at_once` holds the batches themselves where they are so small that the same task delivers them, and is empty
    otherwise.
    """

    recipients: int
    muted: int
    batch_ids: Sequence[int]
    at_once: Sequence[ClaimedBatch]


def cut(event: ClaimedEvent, audiences: Sequence[Audience]) -> Cut:
    """Write the announcements and batches of `event`; raises InvalidAudience."""
    candidates: list[str] = []
    candidate_params: list[Any] = []
    told_params: list[Any] = []
    for rank, audience in enumerate(audiences, start=1):
        compiled = _compiled(audience)
        if compiled is None:
            continue
        sql, params = compiled
        candidates.append(_CANDIDATES.format(who=sql))
        candidate_params += [rank, audience.kind, audience.topic, *params]
        told_params += [rank, audience.kind, audience.topic, json.dumps(audience.data)]
        told_params += [audience.message_id, audience.conversation_id]
    if not candidates:
        return Cut(0, 0, (), ())

    settings = load()
    actor, username = event.actor_id, _username(event.actor_id)
    told = ", ".join([_TOLD] * len(candidates))
    statement = _CUT.format(candidates=" UNION ALL ".join(candidates), told=told)
    params = [*candidate_params, actor, actor, settings.batch_size, *told_params]
    params += [event.id, actor, username, event.traceparent, event.id]
    at_once, queued = (settings.sweep_after_seconds * times for times in (SWEEP_AT_ONCE, SWEEP_QUEUED))
    params += [settings.deliver_at_once, at_once, queued, settings.deliver_at_once]
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        rows = cursor.fetchall()
    total, muted = rows[0][:2]
    if not total:
        return Cut(0, muted, (), ())

    by_kind = {audience.kind: audience for audience in audiences}
    batches = [
        ClaimedBatch(
            batch_id,
            event.id,
            announcement_id,
            _announced(by_kind[kind], event, username, created_at),
            recipients,
            event.recorded_at,
        )
        for _, _, batch_id, announcement_id, kind, created_at, recipients in rows
        if recipients is not None
    ]
    return Cut(total, muted, [row[2] for row in rows], batches)


def _compiled(audience: Audience) -> tuple[str, Sequence[Any]] | None:
    """The SQL of who hears, one column, and its parameters; None where it can be nobody."""
    # Order costs and says nothing, but in a slice, where it says who.
    who = audience.who if audience.who.query.is_sliced else audience.who.order_by()
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


def _username(user_id: int | None) -> str | None:
    if user_id is None:
        return None
    users = get_user_model()
    found = users._default_manager.filter(pk=user_id).values_list(users.USERNAME_FIELD, flat=True).first()
    return None if found is None else str(found)


def _announced(audience: Audience, event: ClaimedEvent, username: str | None, created_at: datetime) -> Announced:
    return Announced(
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
