"""The single objects of one edge process: settings, layer, reader, hub.

They are made on first use, inside the event loop that Daphne runs, because the server has no start-up hook.
"""

from dataclasses import dataclass
from functools import cache

from channels.layers import get_channel_layer

from ..shared.channel_layer import ClarionChannelLayer, ClarionLoopLayer
from ..shared.jwks import KeySet
from ..shared.settings import Settings, get_settings
from .control import ControlListener
from .hub import Hub
from .reader import InboxReader


@dataclass(slots=True)
class Edge:
    """The parts of this process."""

    settings: Settings
    layer: ClarionLoopLayer
    reader: InboxReader
    sockets: Hub
    keys: KeySet | None  # of an identity provider
    draining: bool = False  # refuses new connections
    operators: ControlListener | None = None
    stopping: bool = False  # and ends when the goodbye is said


@cache
def edge() -> Edge:
    """This process's parts; called within the event loop, and the same for every caller."""
    settings = get_settings()
    proxy = get_channel_layer()
    if not isinstance(proxy, ClarionChannelLayer):
        raise TypeError("CHANNEL_LAYERS must name clarion.shared.channel_layer.ClarionChannelLayer")
    layer = proxy.loop_layer()
    reader = InboxReader(settings)
    sockets = Hub(settings, layer, reader)
    sockets.start()
    made = Edge(settings, layer, reader, sockets, KeySet(settings) if settings.jwks_url else None)
    made.operators = ControlListener(made)
    made.operators.start()
    return made
