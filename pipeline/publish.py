"""Rows into frames, and frames to the channel layer, in bulk.

Enters: what was stored, after its transaction has committed. Leaves: one message a recipient on the channel layer, in
one round trip for each of its Redis hosts; no event loop is made and nothing is sent one by one. A channel layer that
does not answer raises Retryable: the rows are stored, and whoever is connected is repaired from Postgres meanwhile.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from pipeline.errors import Retryable
from pipeline.persist import Stored
from shared import metrics
from shared.groups import user_group
from shared.layer import ClarionChannelLayer, FrameMessage, frame_message
from shared.protocol import AnnouncedFrames, Collapsed


def publish(stored: Sequence[Stored], recorded_at: datetime) -> None:
    """Publish to every recipient what was stored for them of an event recorded then; raises Retryable."""
    publish_frames(_created(stored), since=recorded_at.timestamp())


def publish_frames(frames: Iterable[tuple[int, int, str]], since: float | None = None) -> None:
    """Publish frames, each (user id, seq, text), to their users; raises Retryable.

    `since` is when the event behind them was recorded (Unix time), for the edge's metric.
    """
    layer = channel_layer()
    messages: list[tuple[str, FrameMessage]] = [
        (user_group(user_id), frame_message(seq, text, since)) for user_id, seq, text in frames
    ]
    try:
        layer.publish(messages)
    except (RedisError, OSError) as error:
        metrics.PUBLISH_FAILED.inc()
        raise Retryable("The channel layer did not take the frames") from error
    metrics.FRAMES_PUBLISHED.inc(len(messages))


def channel_layer() -> ClarionChannelLayer:
    """The channel layer of this process."""
    layer = get_channel_layer()
    if not isinstance(layer, ClarionChannelLayer):
        raise TypeError("CHANNEL_LAYERS must name shared.layer.ClarionChannelLayer")
    return layer


def _created(stored: Sequence[Stored]) -> Iterator[tuple[int, int, str]]:
    for one in stored:
        frames = AnnouncedFrames(one.announced)
        for copy in one.copies:
            if copy.first is None:
                text = frames.created(copy.seq, copy.unread, quiet=copy.quiet)
            else:
                actors = json.loads(copy.actors or "[]")
                into = Collapsed(copy.first, copy.stands_for or 1, actors, copy.actor_count or 0)
                text = frames.collapsed(copy.seq, copy.unread, into, quiet=copy.quiet)
            yield copy.user_id, copy.seq, text
