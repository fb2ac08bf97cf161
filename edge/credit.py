"""How much a client may be sent beyond what it has acknowledged. No I/O.

Enters: the size of each frame that is to be sent, the seq of each acknowledgement. Leaves: whether the frame may be
sent. The server below does not push back: what a client does not read waits in this process, so it is given credit,
and no more. A client that has never acknowledged anything has a smaller allowance, renewed by whatever it says.

What is out is counted in two parts, before and after a mark, so that a socket keeps five numbers and no list: an
acknowledgement at or beyond the mark clears the first part, and the mark moves to what was sent last.
"""


class Credit:
    """The credit of one socket."""

    __slots__ = (
        "_acknowledges",
        "_after_bytes",
        "_after_frames",
        "_before_bytes",
        "_before_frames",
        "_bytes",
        "_frames",
        "_mark",
    )

    def __init__(self, frames: int, bytes_: int) -> None:
        self._frames = frames
        self._bytes = bytes_
        self._acknowledges = False
        self._mark = 0
        self._before_frames = self._before_bytes = 0  # up to the mark
        self._after_frames = self._after_bytes = 0  # and since

    @property
    def out(self) -> tuple[int, int]:
        """Frames and bytes that were sent and not acknowledged, or a few more."""
        return self._before_frames + self._after_frames, self._before_bytes + self._after_bytes

    @property
    def half_free(self) -> bool:
        """Whether so much has come back that it is worth going on."""
        frames, bytes_ = self.out
        return frames * 2 <= self._allowed and bytes_ * 2 <= self._bytes

    def take(self, size: int) -> bool:
        """Use credit for one frame of so many bytes; False: there is none, do not send it."""
        frames = self._before_frames + self._after_frames
        if frames >= self._allowed or (frames and self._before_bytes + self._after_bytes + size > self._bytes):
            return False
        self._after_frames += 1
        self._after_bytes += size
        return True

    def acknowledged(self, seq: int, last: int) -> None:
        """The client has all up to `seq`, of which it was sent all up to `last`."""
        self._acknowledges = True
        if seq >= last:
            self._clear()
            self._mark = last
        elif seq >= self._mark:
            self._before_frames, self._before_bytes = self._after_frames, self._after_bytes
            self._after_frames = self._after_bytes = 0
            self._mark = last

    def heard(self) -> None:
        """The client said something else; of one that never acknowledges it is all there is to go by."""
        if not self._acknowledges:
            self._clear()

    def _clear(self) -> None:
        self._before_frames = self._before_bytes = self._after_frames = self._after_bytes = 0

    @property
    def _allowed(self) -> int:
        return self._frames if self._acknowledges else self._frames // NEVER_ACKNOWLEDGED_SHARE


#: Of the credit of frames, this share is the allowance of a client that has never acknowledged anything.
NEVER_ACKNOWLEDGED_SHARE = 4
