"""Declare a kind of notification and its rules, such as a rate limit.

Input: a name, and the rules that differ from the default. Output: an entry in the registry. An undeclared kind has the
default rules: one notification for each event, without a limit.

    THREAD_REPLY = declare_kind("THREAD_REPLY", collapses=True)
    MENTION = declare_kind("MENTION", through_mutes=True, limit=Limit(events=20, seconds=60, over=Over.DROP))
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .errors import InvalidAudience


class Over(StrEnum):
    """What becomes of an event of an actor who is over a kind's limit."""

    DEFER = "defer"  # it waits for its turn; turns are taken in the order of the events
    DROP = "drop"  # it is not delivered as this kind; the event stays recorded, with a note


#: An event that would have to wait longer than this for its turn is dropped (seconds).
DEFER_AT_MOST_SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Limit:
    """The rate of one actor's events of a kind: `events` at a time, and one more each `seconds` / `events`.

    With Over.DEFER, an event that would wait longer than `defer_at_most_seconds` is dropped.
    """

    events: int
    seconds: int
    over: Over
    defer_at_most_seconds: int = DEFER_AT_MOST_SECONDS


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind and its rules.

    `collapses`: the unread events of this kind and one topic are one notification for each person, whose count grows.
    Without a topic nothing collapses.
    `retention_days`: days after which read and deleted notifications are removed; None: the setting.
    `through_mutes`: users who muted a topic are notified of this kind in it all the same, as of a mention. A mute that
    names the kind still applies.
    """

    name: str
    collapses: bool = False
    limit: Limit | None = None
    retention_days: int | None = None
    through_mutes: bool = False


#: As long as its column (characters).
NAME_MAX_LENGTH: Final = 64

_declared: dict[str, Kind] = {}


def declare_kind(
    name: str,
    *,
    collapses: bool = False,
    limit: Limit | None = None,
    retention_days: int | None = None,
    through_mutes: bool = False,
) -> str:
    """Declare the rules of a kind and return its name, for audiences; raise InvalidAudience for impossible rules."""
    if not (0 < len(name) <= NAME_MAX_LENGTH and name.isprintable()):
        raise InvalidAudience(f"{name!r} is not a valid kind: use 1 to {NAME_MAX_LENGTH} characters, like 'MENTION'")
    if retention_days is not None and retention_days < 1:
        raise InvalidAudience(f"{name}: retention_days is {retention_days}; at least 1 is possible")
    if limit is not None and (limit.events < 1 or limit.seconds < 1):
        raise InvalidAudience(f"{name}: a limit is at least 1 event in 1 second, not {limit.events} in {limit.seconds}")
    kind = Kind(name, collapses, limit, retention_days, through_mutes)
    if _declared.setdefault(name, kind) != kind:
        raise InvalidAudience(f"the kind {name!r} is declared twice, with different rules")
    return name


def all_declared() -> list[Kind]:
    """Every kind that was declared."""
    return list(_declared.values())


def kind_of(name: str) -> Kind:
    """Return the rules of a kind."""
    return _declared.get(name) or Kind(name)
