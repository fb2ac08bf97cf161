"""Rows into frames, and frames to the channel layer, in bulk.

Input: the stored rows, after their transaction has committed. Output: one message for each recipient on the channel
layer, in one round trip for each of its Redis hosts; no event loop is made and nothing is sent one by one.

Frames that a host does not take are not sent again. Postgres has the rows, and an edge finds them by itself: when its
connection to that host is back, or at its next position check. Sending them again would only keep workers busy for as
long as the host is away.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain

from redis.exceptions import RedisError

from ..shared import metrics
from ..shared.channel_layer import channel_layer
from ..shared.groups import user_group
from ..shared.messages import FRAME
from ..shared.protocol import AnnouncedFrames, Collapsed
from ..shared.publisher import Broadcast
from ..shared.user_keys import Key
from .persist import CollapsedCopy, Stored

logger = logging.getLogger(__name__)


def publish(stored: Sequence[Stored], recorded_at: datetime, *, epoch: str | None = None) -> bool:
    """Publish to every recipient of an event recorded then; return whether the channel layer accepted all frames.

    `epoch` is the history in which they were stored; sockets of another history do not forward them.
    """
    since = recorded_at.timestamp()
    return _publish([_broadcast(one, since, epoch) for one in stored], sum(map(len, stored)))


def publish_frames(frames: Sequence[tuple[Key, int, str]], *, epoch: str | None = None) -> bool:
    """Publish frames of that history, each (key of its user, seq, text); return whether all were accepted."""
    own = ((user_group(user_id), (seq, text)) for user_id, seq, text in frames)
    return _publish([Broadcast({"type": FRAME, "epoch": epoch, "since": None, "rest": ""}, "own", own)], len(frames))


def _publish(broadcasts: Iterable[Broadcast], size: int) -> bool:
    try:
        channel_layer().broadcast(broadcasts)
    except (RedisError, OSError) as error:
        metrics.PUBLISH_FAILED.inc()
        logger.warning(
            "The channel layer did not accept all frames; edges read them from Postgres",
            extra={"frames": size, "error": str(error)},
        )
        return False
    metrics.FRAMES_PUBLISHED.inc(size)
    return True


def _broadcast(stored: Stored, since: float, epoch: str | None) -> Broadcast:
    """Build the messages of one announcement; `since` is when its event was recorded, for the edge's metric."""
    frames = AnnouncedFrames(stored.announced)
    created = (
        (user_group(user_id), (seq, frames.created(seq, unread, quiet=quiet)))
        for user_id, seq, unread, quiet in stored.created
    )
    joined = ((user_group(copy.user_id), (copy.seq, _joined(frames, copy))) for copy in stored.joined)
    return Broadcast(
        {"type": FRAME, "epoch": epoch, "since": since, "rest": frames.rest}, "own", chain(created, joined)
    )


def _joined(frames: AnnouncedFrames, copy: CollapsedCopy) -> str:
    into = Collapsed(copy.first, copy.stands_for, json.loads(copy.actors), copy.actor_count)
    return frames.collapsed(copy.seq, copy.unread, into, quiet=copy.quiet)
