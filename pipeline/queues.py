"""The queues of the pipeline and what is routed to them, and nothing else.

A contract test holds them against the Procfile: each queue is consumed by a process.
"""

from typing import Final

#: Small events: expanded, and delivered at once when few are told.
EVENTS: Final = "events"
#: Batches of large events, so that they never stand in the way of a small one.
BURSTS: Final = "bursts"
#: The sweep and other housekeeping.
MAINTENANCE: Final = "maintenance"
#: Slices of the purge, which take some seconds each.
RETENTION: Final = "retention"

EXPAND: Final = "pipeline.expand"
DELIVER: Final = "pipeline.deliver"
SWEEP: Final = "pipeline.sweep"
RECORD: Final = "pipeline.record"
PURGE: Final = "pipeline.purge"
SAMPLE: Final = "pipeline.sample"

QUEUES: Final = (EVENTS, BURSTS, MAINTENANCE, RETENTION)

ROUTES: Final = {
    EXPAND: {"queue": EVENTS},
    DELIVER: {"queue": BURSTS},
    RECORD: {"queue": EVENTS},
    SWEEP: {"queue": MAINTENANCE},
    PURGE: {"queue": RETENTION},
    SAMPLE: {"queue": MAINTENANCE},
}
