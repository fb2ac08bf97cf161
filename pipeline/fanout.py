"""Fan-out: resolves the audiences of an event into batches of recipients, in SQL.

Input: a claimed event and its audiences in order of precedence. Output: an announcement for each audience that has
recipients, the recipients in batches in the outbox, and the event marked as expanded, or as done if it has no
recipients. One statement does all of it, and no list of recipients passes through Python. It runs in the transaction
that claimed the event. If the event is small enough to be delivered inline, it also locks the inboxes of the
recipients.

An audience loses the actor and the users who muted its kind or topic; a kind with `through_mutes` is delivered in a
muted topic. A user in several audiences is notified by the
first of them only.

An audience has the app's own keys of users, and batches have the numbers of their inboxes. With integer keys these are
the same. Otherwise the statement joins the table of persons, and if a user is missing there it stores nothing: the
missing ones are inserted, and it runs again.
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
from . import names, persons, prepared
from .audiences import Audience
from .celery.queues import BURSTS
from .errors import InvalidAudience, Retryable
from .json_values import encode
from .kinds import kind_of
from .outbox.work import ClaimedBatch, ClaimedEvent
from .prepared import ALONG_THE_INDEX
from .sql import load

#: When the sweep first checks unfinished batches, as a factor of `sweep_after_seconds`: soon if they are delivered
#: inline, so that only a crash can have left them; later if they wait in a queue behind each other.
SWEEP_INLINE = 0.5
SWEEP_QUEUED = 3

#: The users of one audience; joined by UNION ALL.
_AUDIENCE = """
SELECT {rank} AS rank, %(kind_{rank})s::text AS kind, %(topic_{rank})s::text AS topic, q.user_id::bigint
  FROM ({query}) q(user_id)
"""

#: In their place if an event has no audience.
_NO_AUDIENCE = "SELECT NULL::int AS rank, NULL::text AS kind, NULL::text AS topic, NULL::bigint AS user_id WHERE false"

#: The same with keys that are not integers, without NULL: asked of the text, it would be made for each key once more.
_AUDIENCE_BY_KEY = """
SELECT {rank} AS rank, %(kind_{rank})s::text AS kind, %(topic_{rank})s::text AS topic,
       q.user_id::text COLLATE "C" AS key
  FROM ({query}) q(user_id) WHERE q.user_id IS NOT NULL
"""
_NO_AUDIENCE_BY_KEY = "SELECT NULL::int AS rank, NULL::text AS kind, NULL::text AS topic, NULL::text AS key WHERE false"

#: The numbers of the users of all audiences; NULL if a user has none yet.
_NUMBERED = """
SELECT a.rank, a.kind, a.topic, p.id AS user_id
  FROM ({audiences}) a LEFT JOIN clarion_person p ON p.key = a.key
"""

#: The number of recipients. Users without a number are one NULL in a batch, so that the same pass finds them.
_TOTAL = "coalesce(sum(cardinality(recipients)) FILTER (WHERE rank IS NOT NULL), 0)"
_TOTAL_IF_KNOWN = f"CASE WHEN bool_or(array_position(recipients, NULL) IS NOT NULL) THEN NULL ELSE {_TOTAL} END"

#: Insert the users of all audiences who have no number yet, in the order of their keys.
_ADD_PERSONS = """
INSERT INTO clarion_person (key)
SELECT DISTINCT a.key FROM ({audiences}) a
 WHERE NOT EXISTS (SELECT 1 FROM clarion_person p WHERE p.key = a.key)
 ORDER BY a.key
ON CONFLICT DO NOTHING
"""
#: Fan-outs of one event, if users without a number are added to its audiences meanwhile.
ADDITIONS_MAX = 3

#: It also locks the inboxes if there are few recipients and none is missing.
_FAN_OUT = load("fan_out")

#: The content of one audience's notifications; joined by commas.
_CONTENT = """
({rank}, %(kind_{rank})s::text, %(topic_{rank})s::text, %(data_{rank})s::jsonb, %(message_id_{rank})s::text,
 %(conversation_id_{rank})s::text)
"""
_NO_CONTENT = "(NULL::int, NULL::text, NULL::text, NULL::jsonb, NULL::text, NULL::text)"


#: State of each statement, by its text: executed once; can be prepared; or cannot, because a value of the application's
#: query has no type that Postgres can infer from the statement alone. Each shape of audiences has a statement.
_shapes: dict[str, Literal["seen", "typed", "untyped"]] = {}
#: Maximum number of remembered statements. An application with a new shape for each event (ids in a list) gets no
#: prepared statements.
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
        "actor": event.actor_number,
        "actor_key": event.actor_id,
        "traceparent": event.traceparent,
        "size": settings.batch_size,
        "few": few,
        "small": settings.deliver_at_once,
        "soon": settings.sweep_after_seconds * SWEEP_INLINE,
        "later": settings.sweep_after_seconds * SWEEP_QUEUED,
        "lane": event.lane,
        "bursts": BURSTS,
        "dropped": list(dropped),
        "through_mutes": [audience.kind for audience in audiences if kind_of(audience.kind).through_mutes],
        "enqueued_at": enqueued_at,
    }
    queries, content = _parts(audiences, params)
    statement = _statement(queries, content)
    rows = _rows(statement, params)
    for _ in range(ADDITIONS_MAX):
        if rows[0][0] is not None:
            break
        _add_persons(queries, params)
        rows = _rows(statement, params)
    total, muted, locked = rows[0][:3]
    if total is None:
        raise Retryable("Users without a number were added to the audiences again and again")
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
            actor_number=event.actor_number,
        )
        for *_, batch_id, announcement_id, kind, username, created_at in rows
        if total <= few and kind is not None
    ]
    lane = event.lane if total <= settings.deliver_at_once else BURSTS
    return FanOut(total, muted, [row[3] for row in rows], delivered_inline, locked == total, lane)


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Execute the fan-out. A repeated statement is prepared if possible, which a savepoint finds out."""
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


def _parts(audiences: Sequence[Audience], params: dict[str, Any]) -> tuple[str, str]:
    """Return the SQL of the users of these audiences, and of their content; add the parameters of both to `params`."""
    integer = persons.has_integer_keys()
    queries: list[str] = []
    content: list[str] = []
    for rank, audience in enumerate(audiences, start=1):
        compiled = _compiled(audience)
        if compiled is None:
            continue
        sql, values = compiled
        fields = ("kind", "topic", "data", "message_id", "conversation_id")
        params |= {f"{field}_{rank}": getattr(audience, field) for field in fields}
        params[f"data_{rank}"] = encode(audience.data, "data")
        params |= {f"own_{rank}_{number}": value for number, value in enumerate(values)}
        query = _named(sql, f"own_{rank}_")
        queries.append((_AUDIENCE if integer else _AUDIENCE_BY_KEY).format(rank=rank, query=query))
        content.append(_CONTENT.format(rank=rank))
    nobody = _NO_AUDIENCE if integer else _NO_AUDIENCE_BY_KEY
    return " UNION ALL ".join(queries) or nobody, ", ".join(content) or _NO_CONTENT


def _statement(queries: str, content: str) -> str:
    """Return _FAN_OUT for these audiences; without integer keys its first column is NULL if a user has no number."""
    integer = persons.has_integer_keys()
    return _FAN_OUT.format(
        audiences=queries if integer else _NUMBERED.format(audiences=queries),
        present="c.user_id IS NOT NULL AND" if integer else "c.user_id IS NULL OR",
        n=_TOTAL if integer else _TOTAL_IF_KNOWN,
        content=content,
        username=names.actor_sql(),
        if_known="" if integer else " AND (SELECT n FROM total) IS NOT NULL",
        if_total="" if integer else " AND total.n IS NOT NULL",
        along_the_index=ALONG_THE_INDEX,
    )


def _add_persons(queries: str, params: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ADD_PERSONS.format(audiences=queries), params)


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
    """Replace positional parameters by named ones, numbered by their position."""
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
