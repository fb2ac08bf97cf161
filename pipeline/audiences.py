"""Declare the recipients of an event, and the kind that each group of them receives.

Input: for each event class one function, registered with `audiences_for`, that looks up the subject of the event and
returns its audiences in order of precedence. Output: these audiences, validated. A user in two audiences is notified
by the first of them. The actor and users who muted the kind or the topic are removed later, in SQL. A function returns
an empty list if the subject no longer exists; then the event has no recipients.

    @audiences_for(MessagePosted)
    def message_posted(event: MessagePosted) -> list[Audience]:
        ...
        return [Audience("MENTION", who=User.objects.filter(...).values_list("pk"), data={...}, topic="forum.thread:7")]

The web app can also give an audience a name and parameters. A service without access to the tables then addresses, for
example, "the participants of thread 7" (adhoc.py):

    @named_audience("forum.thread.participants")
    def participants(thread_id: int) -> QuerySet: ...
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from .errors import InvalidAudience
from .events import Event
from .json_values import DATA_MAX_BYTES, InvalidValue, encode, storable, storable_text
from .kinds import NAME_MAX_LENGTH

#: As long as their columns (characters).
TOPIC_MAX_LENGTH: Final = 200
APP_ID_MAX_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Audience:
    """The recipients of an event who are notified with one kind.

    `who` is a queryset of the default database with exactly one column, the user ids, or RawSQL of the same. It is
    composed into SQL and never evaluated in Python. An empty `topic` is the same as no topic.
    `data` is all that a client needs to render the kind, at most DATA_MAX_BYTES of JSON. `message_id` and
    `conversation_id` are the app's own ids. Values are stored as `pipeline/json_values.py` says. Raises InvalidAudience
    for a value that cannot be stored.
    """

    kind: str
    who: "QuerySet[Any, Any] | RawSQL"
    data: dict[str, Any] = field(default_factory=dict)
    topic: str | None = None
    message_id: str | None = None
    conversation_id: str | None = None

    def __post_init__(self) -> None:
        _check_queryset(self.kind, self.who)
        for name, limit in (
            ("kind", NAME_MAX_LENGTH),
            ("topic", TOPIC_MAX_LENGTH),
            ("message_id", APP_ID_MAX_LENGTH),
            ("conversation_id", APP_ID_MAX_LENGTH),
        ):
            object.__setattr__(self, name, _text(self.kind, name, getattr(self, name), limit))
        if self.kind is None:
            raise InvalidAudience("an audience needs a kind, for example 'MENTION'")
        try:
            data = storable(self.data, "data")
            encode(data, "data", max_bytes=DATA_MAX_BYTES)
        except InvalidValue as error:
            raise InvalidAudience(f"{self.kind}: {error}") from error
        if not isinstance(data, dict):
            raise InvalidAudience(f"{self.kind}: data is a {type(self.data).__name__}: pass a dictionary")
        object.__setattr__(self, "data", data)


def _check_queryset(kind: str, who: object) -> None:
    if isinstance(who, RawSQL):
        return
    if not isinstance(who, QuerySet):
        hint = "pass a queryset of user ids, for example User.objects.filter(pk__in=ids).values_list('pk')"
        raise InvalidAudience(f"{kind}: who is a {type(who).__name__}: {hint}")
    using: str | None = who._db  # type: ignore[attr-defined]  # `db` would ask a router, which using() overrides
    if using not in (None, DEFAULT_DB_ALIAS):
        hint = f"it is resolved in {DEFAULT_DB_ALIAS!r}, together with the inboxes: leave out using()"
        raise InvalidAudience(f"{kind}: who is a queryset of the database {using!r}: {hint}")


def _text(kind: str, name: str, value: Any, limit: int) -> str | None:
    """Return the text of a column, None if it is empty; raise InvalidAudience if it is too long."""
    if value is None or value == "":
        return None
    text = storable_text(str(value))
    if len(text) > limit:
        raise InvalidAudience(f"{kind}: {name} has {len(text)} characters; at most {limit} are possible")
    return text


E = TypeVar("E", bound=Event)
AudiencesOf = Callable[[Any], list[Audience]]

NamedAudience = Callable[..., "QuerySet[Any, Any]"]

_declared: dict[type[Event], AudiencesOf] = {}
_named: dict[str, NamedAudience] = {}


def audiences_for(event: type[E]) -> Callable[[Callable[[E], list[Audience]]], Callable[[E], list[Audience]]]:
    """Register the function that returns the audiences of `event`."""

    def register(function: Callable[[E], list[Audience]]) -> Callable[[E], list[Audience]]:
        other = _declared.get(event)
        if other is not None and getattr(other, "__qualname__", None) != function.__qualname__:
            raise InvalidAudience(f"{event.event_name!r} has two functions for its audiences")
        _declared[event] = function
        return function

    return register


def audiences_of(event: Event) -> list[Audience]:
    """Return the audiences of this event in order of precedence; raise InvalidAudience if two have the same kind."""
    function = _declared.get(type(event))
    if function is None:
        raise InvalidAudience(
            f"no audiences are declared for {event.event_name!r}: write a function in the app's audiences.py "
            "and register it with @audiences_for"
        )
    audiences = function(event)
    kinds = [audience.kind for audience in audiences]
    if len(set(kinds)) != len(kinds):
        raise InvalidAudience(f"{event.event_name!r} has two audiences of the same kind: {', '.join(kinds)}")
    return audiences


def named_audience(name: str) -> Callable[[NamedAudience], NamedAudience]:
    """Declare an audience that services may name; the function takes its parameters and returns user ids."""

    def register(function: NamedAudience) -> NamedAudience:
        if _named.setdefault(name, function).__qualname__ != function.__qualname__:
            raise InvalidAudience(f"the audience {name!r} is declared twice")
        return function

    return register


def check_named(name: str, parameters: Mapping[str, str | int]) -> None:
    """Raise ValueError if no audience of this name is declared, or if it does not take these parameters."""
    function = _named.get(name)
    if function is None:
        raise ValueError(f"no audience {name!r} is declared; there are: {', '.join(sorted(_named)) or 'none'}")
    try:
        inspect.signature(function).bind(**parameters)
    except TypeError as error:
        raise ValueError(f"the audience {name!r} does not take these parameters: {error}") from error


def resolve_named(name: str, parameters: Mapping[str, str | int]) -> "QuerySet[Any, Any]":
    """Return the user ids of a named audience."""
    return _named[name](**parameters)
