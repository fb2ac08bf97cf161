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

from ...shared import edge_status
from ...shared.channel_layer import channel_layer
from ...shared.edge_status import Report
from .. import backlog
from ..outbox.models import Sample

logger = logging.getLogger(__name__)

#: Retention of samples. A row has some kilobytes, so a day has a few megabytes.
KEPT = timedelta(days=1)

#: Points of a line; more are not visible.
POINTS = 240

#: Every n-th sample in the interval, always including the newest.
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
    """Return the recent reports of edges; None if the channel layer does not answer."""
    try:
        return edge_status.load(channel_layer())
    except (RedisError, OSError) as error:
        logger.warning("The channel layer did not answer the query for edge reports", extra={"error": repr(error)})
        return None


def as_data(seen: backlog.Backlog, reports: list[Report]) -> dict[str, Any]:
    """Return the data of one sample. Counters of edges are stored as they are: series.py computes differences."""
    return {
        "queues": {
            queue: {"depth": (seen.hints or {}).get(queue), "oldest": seen.oldest_seconds(queue)}
            for queue in backlog.queues()
        },
        "dead": seen.count("event", "failed") + seen.count("batch", "failed"),
        "edges": {report.name: asdict(report) | {"settings": {}} for report in reports},
    }


def history(since: timedelta, every: timedelta) -> list[tuple[datetime, dict[str, Any]]]:
    """Return the samples of a time range, oldest first, thinned to about POINTS; `every` is the interval of samples."""
    thin = max(1, round(since / every / POINTS))
    with connection.cursor() as cursor:
        cursor.execute(_THINNED, [timezone.now() - since, thin])
        rows = cursor.fetchall()
    return [(at, json.loads(data)) for at, data in rows]
