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

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from ..shared import metrics
from ..shared.channel_layer import ClarionChannelLayer
from ..shared.groups import user_group
from ..shared.messages import FRAME
from ..shared.protocol import AnnouncedFrames, Collapsed
from ..shared.publisher import Broadcast
from .persist import CollapsedCopy, Stored

logger = logging.getLogger(__name__)


def publish(stored: Sequence[Stored], recorded_at: datetime, *, epoch: str | None = None) -> bool:
    """Publish to every recipient of an event recorded then; return whether the channel layer took all frames.

    `epoch` is the history in which they were stored: sockets of another history do not pass them on.
    """
    since = recorded_at.timestamp()
    return _publish([_lot(one, since, epoch) for one in stored], sum(map(len, stored)))


def publish_frames(frames: Sequence[tuple[int, int, str]], *, epoch: str | None = None) -> bool:
    """Publish frames of that history, each (user id, seq, text), to their users; return whether all were taken."""
    own = ((user_group(user_id), (seq, text)) for user_id, seq, text in frames)
    return _publish([Broadcast({"type": FRAME, "epoch": epoch, "since": None, "rest": ""}, "own", own)], len(frames))


def _publish(lots: Iterable[Broadcast], size: int) -> bool:
    try:
        channel_layer().publish_lots(lots)
    except (RedisError, OSError) as error:
        metrics.PUBLISH_FAILED.inc()
        logger.warning(
            "The channel layer did not take all frames; edges find them in Postgres",
            extra={"frames": size, "error": str(error)},
        )
        return False
    metrics.FRAMES_PUBLISHED.inc(size)
    return True


def channel_layer() -> ClarionChannelLayer:
    """The channel layer of this process."""
    layer = get_channel_layer()
    if not isinstance(layer, ClarionChannelLayer):
        raise TypeError("CHANNEL_LAYERS must name clarion.shared.channel_layer.ClarionChannelLayer")
    return layer


def _lot(stored: Stored, since: float, epoch: str | None) -> Broadcast:
    """One announcement as messages; `since` is when its event was recorded, for the edge's metric."""
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
