"""What one edge process has one of: settings, layer, reader, sockets.

Made on first use, inside the event loop that Daphne runs, since the server has no start-up hook for applications.
"""

from dataclasses import dataclass
from functools import cache

from channels.layers import get_channel_layer

from ..shared.jwks import KeySet
from ..shared.layer import ClarionChannelLayer, ClarionLoopLayer
from ..shared.settings import Settings, get_settings
from .operators import Operators
from .repair import Reader
from .sockets import Sockets


@dataclass(slots=True)
class Edge:
    """The parts of this process."""

    settings: Settings
    layer: ClarionLoopLayer
    reader: Reader
    sockets: Sockets
    keys: KeySet | None  # of an identity provider
    draining: bool = False  # takes nobody new
    operators: Operators | None = None
    stopping: bool = False  # and ends when the goodbye is said


@cache
def edge() -> Edge:
    """This process's parts; called within the event loop, and the same for every caller."""
    settings = get_settings()
    proxy = get_channel_layer()
    if not isinstance(proxy, ClarionChannelLayer):
        raise TypeError("CHANNEL_LAYERS must name clarion.shared.layer.ClarionChannelLayer")
    layer = proxy.loop_layer()
    reader = Reader(settings)
    sockets = Sockets(settings, layer, reader)
    sockets.start()
    made = Edge(settings, layer, reader, sockets, KeySet(settings) if settings.jwks_url else None)
    made.operators = Operators(made)
    made.operators.start()
    return made
