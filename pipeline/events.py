"""Declare an event: something that happened in the web app.

Input: a subclass of `Event` with a name and a few ids. Output: an entry in the registry, by which a worker finds the
class when it processes the event. A name is in the past tense, dotted, with a version. The payload is small, frozen
and validated, and an undeclared field is rejected:

    class MessagePosted(Event, name="forum.message.posted.v1"):
        message_id: int
"""

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import InvalidEvent, UndeclaredEvent

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\.v[1-9][0-9]*")

#: Length of its column (characters).
NAME_MAX_LENGTH = 120

_declared: dict[str, type["Event"]] = {}


class Event(BaseModel):
    """Base of all events; subclass it with `name=`."""

    # By name too, because the payload is stored by the names of its fields and not by their aliases.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    event_name: ClassVar[str]
    #: Whether services may send it.
    from_services: ClassVar[bool] = True

    def __init_subclass__(cls, *, name: str, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not _NAME.fullmatch(name) or len(name) > NAME_MAX_LENGTH:
            raise InvalidEvent(f"{name!r} is not a valid event name: write it like 'forum.message.posted.v1'")
        other = _declared.get(name)
        if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise InvalidEvent(f"{name!r} is declared twice, by {other.__module__} and {cls.__module__}")
        cls.event_name = name
        _declared[name] = cls


def declared(name: str) -> type[Event]:
    """Return the class of that name; raises UndeclaredEvent."""
    try:
        return _declared[name]
    except (KeyError, TypeError):  # a service may send a name that is not text
        raise UndeclaredEvent(f"no event {name!r} is declared: is its app in INSTALLED_APPS?") from None


def all_declared() -> dict[str, type[Event]]:
    """Return every declared event, by its name."""
    return dict(_declared)


def parse(name: str, payload: object) -> Event:
    """Build the event of that name with that payload; raises UndeclaredEvent or InvalidEvent."""
    try:
        return declared(name).model_validate(payload)
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'payload'}: {e['msg']}" for e in error.errors())
        raise InvalidEvent(f"payload of {name!r} does not fit: {fields}") from error
