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
    hub: Hub
    control: ControlListener
    keys: KeySet | None  # of an identity provider


@cache
def edge() -> Edge:
    """This process's parts; called within the event loop, and the same for every caller."""
    settings = get_settings()
    proxy = get_channel_layer()
    if not isinstance(proxy, ClarionChannelLayer):
        raise TypeError("CHANNEL_LAYERS must name clarion.shared.channel_layer.ClarionChannelLayer")
    layer = proxy.loop_layer()
    reader = InboxReader(settings)
    hub = Hub(settings, layer, reader)
    hub.start()
    control = ControlListener(settings, layer, hub)
    control.start()
    return Edge(settings, layer, reader, hub, control, KeySet(settings) if settings.jwks_url else None)
