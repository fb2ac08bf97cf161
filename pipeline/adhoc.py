"""Notify users by id or by a named audience: an event for services that have no code in the web app.

Input: a kind, its data, and the recipients: either user ids, or the name of a declared audience with its parameters.
Output: an event like any other, with the same guarantees.
"""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

from django.contrib.auth import get_user_model
from django.db.models.expressions import RawSQL
from pydantic import Field, field_validator, model_validator

from ..shared.user_keys import Key, KeyType
from .audiences import Audience, audiences_for, check_named, resolve_named
from .events import Event
from .json_values import DATA_MAX_BYTES, NOT_BOOLEAN, encode, storable
from .persons import UserId, key_type

#: Maximum number of ids in one event; for more recipients use a named audience.
RECIPIENTS_MAX = 10_000


class NoticeGiven(Event, name="clarion.notice.given.v1"):
    """A notification for `recipients`, or for the declared `audience` with its `parameters`."""

    kind: str = Field(min_length=1, max_length=64, pattern=r"^[A-Z][A-Z0-9_]*$")
    data: dict[str, Any] = Field(default_factory=dict)
    recipients: tuple[UserId, ...] = Field((), max_length=RECIPIENTS_MAX)
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
        if self.audience is not None:
            check_named(self.audience, self.parameters)
        return self


_UNNEST = {one: f"SELECT unnest(%s::{one.sql}[])" for one in KeyType}

#: Placeholder for the ids in the query, which is compiled once.
_IDS: list[Key] = []


@cache
def _users() -> tuple[str, Sequence[Any]]:
    """Compile the SQL of users by their ids, once, because compiling took a fifth of a small event's time in Python.

    The ids are one array parameter, so it is the same statement for any number of ids, and stays prepared.
    """
    users = get_user_model()
    given = users._default_manager.filter(pk__in=RawSQL(_UNNEST[key_type()], [_IDS]))  # noqa: S611 - a constant
    return given.order_by().values_list("pk").query.sql_with_params()


def _given(user_ids: Sequence[Key]) -> RawSQL:
    sql, params = _users()
    return RawSQL(sql, [list(user_ids) if one is _IDS else one for one in params])  # noqa: S611 - compiled by Django


@audiences_for(NoticeGiven)
def notice_given(event: NoticeGiven) -> list[Audience]:
    """Return the one audience of a notice."""
    who = _given(event.recipients) if event.audience is None else resolve_named(event.audience, event.parameters)
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
