"""Flow control: how much may be sent to a client beyond its last acknowledgement. No I/O.

Input: the size of each frame to send, the seq of each acknowledgement. Output: whether the frame may be sent. The
server has no back pressure: frames that a client does not read wait in this process, so each client has a credit. A
client that has never acknowledged a frame is limited by its network instead (connection.py).

Unacknowledged frames are counted in two parts, before and after a mark, so a connection keeps five numbers and no
list. An acknowledgement at or beyond the mark clears the first part and moves the mark to the last frame that was
sent.
"""


class Credit:
    """The credit of one socket."""

    __slots__ = (
        "_after_bytes",
        "_after_frames",
        "_before_bytes",
        "_before_frames",
        "_bytes",
        "_frames",
        "_mark",
        "acknowledges",
    )

    def __init__(self, frames: int, bytes_: int) -> None:
        self._frames = frames
        self._bytes = bytes_
        self.acknowledges = False  # it has acknowledged something
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
        return not self.acknowledges or (frames * 2 <= self._frames and bytes_ * 2 <= self._bytes)

    def take(self, size: int) -> bool:
        """Use credit for a frame of `size` bytes; return False if the frame must not be sent."""
        frames, bytes_ = self.out
        if self.acknowledges and (frames >= self._frames or (frames and bytes_ + size > self._bytes)):
            return False
        self._after_frames += 1
        self._after_bytes += size
        return True

    def acknowledged(self, seq: int, last: int) -> None:
        """Free the credit of all frames up to `seq`; `last` is the last seq that was sent."""
        first, self.acknowledges = not self.acknowledges, True
        if seq >= last or first:  # credit counts from the first acknowledgement on
            self._clear()
            self._mark = last
        elif seq >= self._mark:
            self._before_frames, self._before_bytes = self._after_frames, self._after_bytes
            self._after_frames = self._after_bytes = 0
            self._mark = last

    def _clear(self) -> None:
        self._before_frames = self._before_bytes = self._after_frames = self._after_bytes = 0
