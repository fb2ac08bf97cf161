"""Real-time notifications for Django: the names that an application imports.

    from clarion import Audience, Event, audiences_for, declare_kind, record

A name is loaded when it is first used. So `import clarion` works before Django is set up, and an edge, whose package
is below this one too, loads nothing of the pipeline. `clarion.client` is a user's inbox for scripts and services.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .pipeline.adhoc import NoticeGiven, named_audience
    from .pipeline.audiences import Audience, audiences_for
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
    "named_audience": ".pipeline.adhoc",
    "record": ".pipeline.outbox.recording",
    "Settings": ".shared.settings",
    "get_settings": ".shared.settings",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return __all__
