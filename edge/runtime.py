"""The single objects of one edge process: settings, layer, reader, hub.

They are made inside the event loop that Daphne runs, as soon as it runs (asgi.py) or on first use.
"""

from dataclasses import dataclass
from functools import cache

from ..shared.channel_layer import ClarionLoopLayer, channel_layer
from ..shared.edge_settings import edge_settings
from ..shared.jwks import KeySet
from ..shared.settings import Settings
from .control import ControlListener
from .hub import Hub
from .reader import InboxReader


@dataclass(slots=True)
class Edge:
    """The parts of this process."""

    settings: Settings
    layer: ClarionLoopLayer
    reader: InboxReader
    hub: Hub
    control: ControlListener
    keys: KeySet | None  # of an identity provider


@cache
def edge() -> Edge:
    """Return the parts of this process, the same for every caller; call it within the event loop."""
    settings = edge_settings()
    layer = channel_layer().loop_layer()
    reader = InboxReader(settings)
    hub = Hub(settings, layer, reader)
    hub.start()
    control = ControlListener(settings, layer, hub, reader)
    control.start()
    return Edge(settings, layer, reader, hub, control, KeySet(settings) if settings.jwks_url else None)


def is_running() -> bool:
    """Return whether this process has made them: it has had a connection."""
    return edge.cache_info().currsize > 0
