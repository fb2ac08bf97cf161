"""Real-time notifications for Django: the names that an application imports.

    from clarion import Audience, Event, audiences_for, declare_kind, record

A name is loaded when it is first used. So `import clarion` works before Django is set up, and an edge, whose package
is below this one too, loads nothing of the pipeline. `clarion.client` is a user's inbox for scripts and services, and
`clarion.testing` the kit for an application's own tests.
"""

from typing import TYPE_CHECKING, Final

from .lazy import lazy

if TYPE_CHECKING:
    from .pipeline.adhoc import NoticeGiven
    from .pipeline.audiences import Audience, audiences_for, named_audience
    from .pipeline.errors import InvalidAudience, InvalidEvent, KeyConflict, UndeclaredEvent
    from .pipeline.events import Event
    from .pipeline.kinds import Kind, Limit, Over, declare_kind
    from .pipeline.outbox.recording import record
    from .shared.settings import Settings, get_settings

__all__ = [
    "Audience",
    "Event",
    "InvalidAudience",
    "InvalidEvent",
    "KeyConflict",
    "Kind",
    "Limit",
    "NoticeGiven",
    "Over",
    "Settings",
    "UndeclaredEvent",
    "audiences_for",
    "declare_kind",
    "get_settings",
    "named_audience",
    "record",
]

#: The module of each name.
_MODULES: Final = {
    "Audience": ".pipeline.audiences",
    "audiences_for": ".pipeline.audiences",
    "InvalidAudience": ".pipeline.errors",
    "InvalidEvent": ".pipeline.errors",
    "KeyConflict": ".pipeline.errors",
    "UndeclaredEvent": ".pipeline.errors",
    "Event": ".pipeline.events",
    "Kind": ".pipeline.kinds",
    "Limit": ".pipeline.kinds",
    "Over": ".pipeline.kinds",
    "declare_kind": ".pipeline.kinds",
    "NoticeGiven": ".pipeline.adhoc",
    "named_audience": ".pipeline.audiences",
    "record": ".pipeline.outbox.recording",
    "Settings": ".shared.settings",
    "get_settings": ".shared.settings",
}

__getattr__, __dir__ = lazy(__name__, _MODULES)
