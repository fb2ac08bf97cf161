"""The queues of the pipeline and the routes of its tasks.

A contract test compares them with the Procfile: each queue is consumed by a process.
"""

from typing import Final

from ...shared.settings import get_settings

#: Small events: expanded, and delivered inline if they have few recipients.
EVENTS: Final = "events"
#: Batches of large events, so that they never delay a small one.
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
ECHO: Final = "pipeline.echo"

QUEUES: Final = (EVENTS, BURSTS, MAINTENANCE, RETENTION)

ROUTES: Final = {
    EXPAND: {"queue": EVENTS},
    DELIVER: {"queue": BURSTS},
    RECORD: {"queue": EVENTS},
    ECHO: {"queue": EVENTS},
    SWEEP: {"queue": MAINTENANCE},
    PURGE: {"queue": RETENTION},
    SAMPLE: {"queue": MAINTENANCE},
}


def redis_key(name: str) -> str:
    """Return a key of kombu's, such as that of a queue, as it is on a Redis that is the broker.

    The prefix keeps the project's own Celery app apart, if it uses the same database of Redis: one app would otherwise
    give back the unacknowledged messages of the other after its own visibility timeout.
    """
    return get_settings().broker_key_prefix + name
