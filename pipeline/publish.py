"""Rows into frames, and frames to the channel layer, in bulk.

Enters: what was stored, after its transaction has committed. Leaves: one message a recipient on the channel layer, in
one round trip for each of its Redis hosts; no event loop is made and nothing is sent one by one. A channel layer that
does not answer raises Retryable: the rows are stored, and whoever is connected is repaired from Postgres meanwhile.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from pipeline.errors import Retryable
from pipeline.persist import Joined, Stored
from shared import metrics
from shared.groups import user_group
from shared.layer import FRAME, ClarionChannelLayer
from shared.protocol import AnnouncedFrames, Collapsed
from shared.publisher import Lot


def publish(stored: Sequence[Stored], recorded_at: datetime, *, epoch: str | None = None) -> None:
    """Publish to every recipient what was stored for them of an event recorded then; raises Retryable.

    `epoch` is the history in which it was stored: sockets that follow another do not pass it on.
    """
    since = recorded_at.timestamp()
    _publish([_lot(one, since, epoch) for one in stored], sum(map(len, stored)))


def publish_frames(frames: Sequence[tuple[int, int, str]], *, epoch: str | None = None) -> None:
    """Publish frames of that history, each (user id, seq, text), to their users; raises Retryable."""
    own = ((user_group(user_id), (seq, text)) for user_id, seq, text in frames)
    _publish([Lot({"type": FRAME, "epoch": epoch, "since": None, "rest": ""}, "own", own)], len(frames))


def _publish(lots: Iterable[Lot], size: int) -> None:
    try:
        channel_layer().publish_lots(lots)
    except (RedisError, OSError) as error:
        metrics.PUBLISH_FAILED.inc()
        raise Retryable("The channel layer did not take the frames") from error
    metrics.FRAMES_PUBLISHED.inc(size)


def channel_layer() -> ClarionChannelLayer:
    """The channel layer of this process."""
    layer = get_channel_layer()
    if not isinstance(layer, ClarionChannelLayer):
        raise TypeError("CHANNEL_LAYERS must name shared.layer.ClarionChannelLayer")
    return layer


def _lot(stored: Stored, since: float, epoch: str | None) -> Lot:
    """One announcement as messages; `since` is when its event was recorded, for the edge's metric."""
    frames = AnnouncedFrames(stored.announced)
    created = (
        (user_group(user_id), (seq, frames.created(seq, unread, quiet=quiet)))
        for user_id, seq, unread, quiet in stored.created
    )
    joined = ((user_group(copy.user_id), (copy.seq, _joined(frames, copy))) for copy in stored.joined)
    return Lot({"type": FRAME, "epoch": epoch, "since": since, "rest": frames.rest}, "own", chain(created, joined))


def _joined(frames: AnnouncedFrames, copy: Joined) -> str:
    into = Collapsed(copy.first, copy.stands_for, json.loads(copy.actors), copy.actor_count)
    return frames.collapsed(copy.seq, copy.unread, into, quiet=copy.quiet)
