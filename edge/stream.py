"""The ordered stream of one inbox on one socket, without I/O.

Input: frames as they were published, in any order, repeated or missing; pages of the log from Postgres. Output: the
frames to send, each seq once, in order, without a gap. It has no clock and no network. Its owner checks `behind`,
waits a moment for late frames, reads the log after `last`, and passes it in.

    not open ──open()──► live ◄──────────────┐
      holds what         forwards last + 1   │ repaired(), jump()
      arrives            drops ≤ last        │
                         holds what lies     │
                         beyond a gap ─► behind
"""

from collections.abc import Iterable

#: Frames held beyond a gap, and their characters; more are dropped and read from Postgres instead, so that memory has a
#: bound.
HELD_MAX = 256
HELD_MAX_CHARACTERS = 2**18

Frame = tuple[int, str]


class Stream:
    """The position of one connection in its inbox, and the frames that wait for a gap."""

    __slots__ = ("_held", "_held_characters", "highest", "last")

    def __init__(self) -> None:
        self.last: int | None = None  # the last seq sent; None until opened
        self.highest = 0  # the highest seq known to exist
        self._held: dict[int, str] = {}
        self._held_characters = 0

    @property
    def behind(self) -> bool:
        """Whether a seq is known that was not sent and cannot be sent yet."""
        return self.last is not None and self.highest > self.last

    def open(self, cursor: int, log: Iterable[Frame] = ()) -> list[str]:
        """Start after `cursor` with the log after it; return the frames to send first."""
        self.last = cursor
        self.highest = max(self.highest, cursor)
        return self.repaired(log)

    def published(self, seq: int, text: str) -> list[str]:
        """Take a frame of the channel layer; return the frames to send now."""
        self.highest = max(self.highest, seq)
        if self.last is None or seq > self.last + 1:
            fits = self._held_characters + len(text) <= HELD_MAX_CHARACTERS
            if len(self._held) < HELD_MAX and fits and seq not in self._held:
                self._held[seq] = text
                self._held_characters += len(text)
            return []
        if seq <= self.last:
            return []
        self.last = seq
        # The usual case ends here: no frame is held.
        return [text, *self._released()] if self._held else [text]

    def repaired(self, log: Iterable[Frame]) -> list[str]:
        """Take a part of the log, in order, from `last` or earlier on; return the frames to send now."""
        last = self._opened()
        ready = []
        for seq, text in log:
            if seq == last + 1:
                ready.append(text)
                last = seq
        self.last = last
        self.highest = max(self.highest, last)
        return ready + self._released()

    def unsend(self, count: int) -> None:
        """Return the last `count` frames to the log: they were not sent, and are read again later."""
        self.last = self._opened() - count

    def jump(self, seq: int, *, forget: bool = False) -> list[str]:
        """Continue from `seq`, because the client reads a snapshot of it; return the frames to send after that.

        `forget`: the held frames belong to a discarded history.
        """
        self._keep({} if forget else {held: text for held, text in self._held.items() if held > seq})
        self.last = seq
        self.highest = max([seq, *self._held])
        return self._released()

    def forget(self) -> None:
        """Drop frames that arrived before it was opened, because they may belong to a discarded history."""
        self._keep({})
        self.highest = 0

    def exists(self, seq: int) -> None:
        """Record that Postgres has this seq."""
        self.highest = max(self.highest, seq)

    def _released(self) -> list[str]:
        """Return held frames whose turn has come; drop overtaken ones."""
        last = self._opened()
        ready = []
        while (text := self._held.pop(last + 1, None)) is not None:
            ready.append(text)
            last += 1
        self.last = last
        self._keep({seq: text for seq, text in self._held.items() if seq > last})
        return ready

    def _keep(self, held: dict[int, str]) -> None:
        self._held = held
        self._held_characters = sum(map(len, held.values()))

    def _opened(self) -> int:
        if self.last is None:
            raise RuntimeError("the stream is not open")
        return self.last
