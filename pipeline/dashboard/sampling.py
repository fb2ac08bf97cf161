"""Stores the current state of the pipeline every few seconds.

Beat runs it. Output: one row with the length of each queue, the dead letters and the reports of the edges; rows older
than a day are deleted. Concurrent runs are harmless, each adds a row.
"""

import json
import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from redis.exceptions import RedisError

from ...shared.edge_status import Report
from .. import backlog
from ..celery.queues import QUEUES
from ..outbox.models import Sample
from ..publish import channel_layer

logger = logging.getLogger(__name__)

#: A row has some kilobytes, with some edges: a day of them is a few megabytes.
KEPT = timedelta(days=1)

#: So many points make a line as fine as it can be seen.
POINTS = 240

#: Every so manieth sample of a stretch of time, the newest among them.
_THINNED = """
SELECT at, data FROM (
    SELECT at, data, row_number() OVER (ORDER BY at DESC) - 1 AS number FROM clarion_sample WHERE at > %s
) numbered WHERE number %% %s = 0 ORDER BY at
"""


def sample() -> None:
    """Store a sample of the current state."""
    Sample.objects.create(at=timezone.now(), data=as_data(backlog.look(), edges() or []))
    Sample.objects.filter(at__lt=timezone.now() - KEPT).delete()


def edges() -> list[Report] | None:
    """What edges say of themselves; None: the channel layer does not answer."""
    try:
        return channel_layer().reports()
    except (RedisError, OSError) as error:
        logger.warning("The channel layer did not say what edges report", extra={"error": repr(error)})
        return None


def as_data(seen: backlog.Backlog, reports: list[Report]) -> dict[str, Any]:
    """The data of one sample. Counters of edges are stored as they are: series.py computes differences."""
    return {
        "queues": {
            queue: {"depth": (seen.hints or {}).get(queue), "oldest": seen.oldest_seconds(queue)} for queue in QUEUES
        },
        "dead": seen.count("event", "failed") + seen.count("batch", "failed"),
        "edges": {report.name: asdict(report) for report in reports},
    }


def history(since: timedelta, every: timedelta) -> list[tuple[datetime, dict[str, Any]]]:
    """The samples of the latest stretch of time, oldest first, thinned to some POINTS; one was taken `every`."""
    thin = max(1, round(since / every / POINTS))
    with connection.cursor() as cursor:
        cursor.execute(_THINNED, [timezone.now() - since, thin])
        rows = cursor.fetchall()
    return [(at, json.loads(data)) for at, data in rows]
