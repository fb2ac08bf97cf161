"""The messages that workers and the web app publish to the groups of users, and that sockets take.

Each is a mapping with a `type`. Anyone may publish on a shared Redis, so a message is checked before it is used.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

#: `type` of the message that says to a user's sockets that their access is revoked.
REVOKED = "notification.revoked"
#: `type` of the message that ends sockets of a user whose credentials have ended: those of the session with the digest
#: `session`, or all if that is None. Their clients may come back with new credentials.
ENDED = "notification.ended"
#: `type` of the messages that carry frames.
FRAME = "notification.frame"


#: `type` of the message to a listener of this process that a frame exists (`epoch`, `seq`) whose text was not kept.
POSITION = "notification.position"


class FrameMessage(TypedDict):
    """The message that carries one frame of an inbox.

    `own` is its place in the log and the head of its text; `rest` is what follows, which for a notification is the
    longer part and the same for all its recipients. `since` is when the event that caused it was recorded (Unix
    time), or None where no event did. `epoch` is the history that the log belongs to; None says nothing of it.
    """

    type: str
    epoch: str | None
    since: float | None
    rest: str
    own: tuple[int, str]


def frame_message(seq: int, text: str, *, epoch: str | None = None) -> FrameMessage:
    """Build the channel-layer message of a frame; its `type` follows the convention of Channels."""
    return {"type": FRAME, "epoch": epoch, "since": None, "rest": "", "own": (seq, text)}


def position_of(message: Any) -> tuple[str | None, int] | None:
    """Return the epoch and seq of a frame; None for any other message."""
    match message:
        case {"type": "notification.frame", "epoch": str() | None as epoch, "own": [int(seq), str()]}:
            return epoch, seq
    return None


def frame_in(message: Mapping[str, Any]) -> tuple[int, str]:
    """Return the seq and the text of a frame; raise KeyError, TypeError or ValueError if the message is malformed."""
    (seq, head), rest = message["own"], message["rest"]
    text = head + rest
    if type(seq) is not int or type(text) is not str:
        raise TypeError("a seq is a number, and a frame is text")
    return seq, text
