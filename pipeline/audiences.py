"""Declare who hears of an event, as what.

Enters: for each event class one function, registered with `audiences_for`, that looks up the event's subject and
returns its audiences in order of precedence. Leaves: those audiences, checked. A person in two audiences hears the
first only; the actor and whoever muted the kind or the topic are taken out later, in SQL. A function returns an empty
list when its subject is gone: then nobody is told.

    @audiences_for(MessagePosted)
    def message_posted(event: MessagePosted) -> list[Audience]:
        ...
        return [Audience("MENTION", who=User.objects.filter(...).values_list("pk"), data={...}, topic="forum.thread:7")]
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from pipeline.errors import InvalidAudience
from pipeline.events import Event


@dataclass(frozen=True, slots=True)
class Audience:
    """Who hears of an event, as one kind.

    `who` is a queryset of exactly one column, the user ids, or RawSQL that is as much; it is never evaluated in Python,
    only composed into SQL.
    `data` is all that a client needs to render the kind. `message_id` and `conversation_id` are the app's own ids.
    """

    kind: str
    who: "QuerySet[Any, Any] | RawSQL"
    data: dict[str, Any] = field(default_factory=dict)
    topic: str | None = None
    message_id: str | None = None
    conversation_id: str | None = None


E = TypeVar("E", bound=Event)
AudiencesOf = Callable[[Any], list[Audience]]

_declared: dict[type[Event], AudiencesOf] = {}


def audiences_for(event: type[E]) -> Callable[[Callable[[E], list[Audience]]], Callable[[E], list[Audience]]]:
    """Register the function that says who hears of `event`."""

    def register(function: Callable[[E], list[Audience]]) -> Callable[[E], list[Audience]]:
        other = _declared.get(event)
        if other is not None and getattr(other, "__qualname__", None) != function.__qualname__:
            raise InvalidAudience(f"{event.event_name!r} has two functions for its audiences")
        _declared[event] = function
        return function

    return register


def audiences_of(event: Event) -> list[Audience]:
    """The audiences of this event in order of precedence; raises InvalidAudience where they cannot be told apart."""
    function = _declared.get(type(event))
    if function is None:
        raise InvalidAudience(
            f"no audiences are declared for {event.event_name!r}: write a function in the app's audiences.py "
            "and register it with @audiences_for"
        )
    audiences = function(event)
    kinds = [audience.kind for audience in audiences]
    if len(set(kinds)) != len(kinds):
        raise InvalidAudience(f"{event.event_name!r} tells one kind twice: {', '.join(kinds)}")
    return audiences
