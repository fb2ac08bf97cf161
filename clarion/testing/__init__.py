"""A test kit: notifications in the test's own transaction, without a broker, Redis, worker or edge.

    from clarion.testing import assert_notified, deliver

    with deliver() as delivered:
        write_review(...)
    assert_notified(delivered, owner, "REVIEW", data={"title": "reviewed Bread"})

kit.py        deliver, and the assertions
isolation.py  no message leaves the process
factories.py  factories of factory-boy for notifications and inboxes
live.py       an edge for the pages of a live server
plugin.py     the plugin of pytest: the fixtures `notified` and `clarion_edge`, and isolation of every test

A name is loaded when it is first used, so that pytest can load the plugin before Django is set up.
"""

from typing import TYPE_CHECKING, Final

from ..lazy import lazy

if TYPE_CHECKING:
    from .isolation import isolated, real_servers
    from .kit import Delivered, NotDelivered, Received, assert_not_notified, assert_notified, deliver
    from .live import EdgeNotReady, LiveEdge, live_edge

__all__ = [
    "Delivered",
    "EdgeNotReady",
    "LiveEdge",
    "NotDelivered",
    "Received",
    "assert_not_notified",
    "assert_notified",
    "deliver",
    "isolated",
    "live_edge",
    "real_servers",
]

#: The module of each name.
_MODULES: Final = {
    "isolated": ".isolation",
    "real_servers": ".isolation",
    "Delivered": ".kit",
    "NotDelivered": ".kit",
    "Received": ".kit",
    "assert_not_notified": ".kit",
    "assert_notified": ".kit",
    "deliver": ".kit",
    "EdgeNotReady": ".live",
    "LiveEdge": ".live",
    "live_edge": ".live",
}

__getattr__, __dir__ = lazy(__name__, _MODULES)
