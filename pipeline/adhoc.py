"""Notify users by id or by a named audience: an event for services that have no code in the web app.

Input: a kind, its data, and the recipients: either user ids, or the name of a declared audience with its parameters.
Output: an event like any other, with the same guarantees. The web app declares named audiences, so a service can
address for example "the participants of thread 7" without access to the tables:

    @named_audience("forum.thread.participants")
    def participants(thread_id: int) -> QuerySet: ...
"""

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from pydantic import Field, field_validator, model_validator

from .audiences import Audience, audiences_for
from .errors import InvalidAudience
from .events import Event
from .json_values import DATA_MAX_BYTES, NOT_BOOLEAN, encode, storable

#: Ids named in one event; more people are an audience.
RECIPIENTS_MAX = 10_000

#: The largest id that Postgres can hold.
MAX_BIGINT = 2**63 - 1

NamedAudience = Callable[..., "QuerySet[Any, Any]"]

_declared: dict[str, NamedAudience] = {}


def named_audience(name: str) -> Callable[[NamedAudience], NamedAudience]:
    """Declare an audience that services may name; the function takes its parameters and returns user ids."""

    def register(function: NamedAudience) -> NamedAudience:
        if _declared.setdefault(name, function).__qualname__ != function.__qualname__:
            raise InvalidAudience(f"the audience {name!r} is declared twice")
        return function

    return register


class NoticeGiven(Event, name="clarion.notice.given.v1"):
    """A notification for `recipients`, or for the declared `audience` with its `parameters`."""

    kind: str = Field(min_length=1, max_length=64, pattern=r"^[A-Z][A-Z0-9_]*$")
    data: dict[str, Any] = Field(default_factory=dict)
    recipients: tuple[Annotated[int, NOT_BOOLEAN], ...] = Field((), max_length=RECIPIENTS_MAX)
    audience: str | None = None
    parameters: dict[str, Annotated[str | int, NOT_BOOLEAN]] = Field(default_factory=dict)
    topic: str | None = Field(None, max_length=200)
    message_id: str | None = Field(None, max_length=64)
    conversation_id: str | None = Field(None, max_length=64)

    @field_validator("data")
    @classmethod
    def _fits(cls, data: dict[str, Any]) -> dict[str, Any]:
        encode(storable(data, "data"), "data", max_bytes=DATA_MAX_BYTES)
        return data

    @model_validator(mode="after")
    def _says_who(self) -> "NoticeGiven":
        if bool(self.recipients) == (self.audience is not None):
            raise ValueError("name either recipients or an audience")
        if any(not 0 < user_id <= MAX_BIGINT for user_id in self.recipients):
            raise ValueError("recipients are ids of users, positive numbers")
        if self.audience is not None:
            _bound(self.audience, self.parameters)
        return self


#: Placeholder for the ids in the query, which is compiled once.
_IDS: list[int] = []


@cache
def _people() -> tuple[str, Sequence[Any]]:
    """The SQL of people by their ids, and its parameters. Making it anew took a fifth of a small event in Python.

    The ids are one array, however many they are: so it is one statement, which Postgres knows.
    """
    users = get_user_model()
    given = users._default_manager.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [_IDS]))
    return given.order_by().values_list("pk").query.sql_with_params()


def _given(user_ids: Sequence[int]) -> RawSQL:
    sql, params = _people()
    return RawSQL(sql, [list(user_ids) if one is _IDS else one for one in params])  # noqa: S611 - compiled by Django


@audiences_for(NoticeGiven)
def notice_given(event: NoticeGiven) -> list[Audience]:
    """The one audience of a notice."""
    who = _declared[event.audience](**event.parameters) if event.audience is not None else _given(event.recipients)
    return [
        Audience(
            event.kind,
            who=who,
            data=event.data,
            topic=event.topic,
            message_id=event.message_id,
            conversation_id=event.conversation_id,
        )
    ]


def _bound(name: str, parameters: dict[str, str | int]) -> None:
    """Check at the door that the audience is declared and takes these parameters."""
    function = _declared.get(name)
    if function is None:
        raise ValueError(f"no audience {name!r} is declared; there are: {', '.join(sorted(_declared)) or 'none'}")
    try:
        inspect.signature(function).bind(**parameters)
    except TypeError as error:
        raise ValueError(f"the audience {name!r} does not take these parameters: {error}") from error
