"""The queues of the pipeline and the routes of its tasks.

A contract test compares them with the Procfile: each queue is consumed by a process.
"""

from typing import Final

#: Small events: expanded, and delivered inline if they have few recipients.
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
