"""The counts of a load, measured at the sockets of its users. No I/O.

Input: the keys of committed events with their user, and the frames of each user as they came. Output: `Counts`. A
notification that is recorded and not delivered is on the way. It is lost if it is still missing after
LOST_AFTER_SECONDS.
"""

from collections.abc import Iterable
from dataclasses import dataclass

#: Longest way of a notification (seconds). After an outage the sweep enqueues events again within a quarter of a
#: minute, and an edge finds a lost frame within half a minute.
LOST_AFTER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts at one time: `recorded` is the sum of `delivered`, `on_the_way` and `lost`."""

    recorded: int
    delivered: int
    on_the_way: int
    lost: int
    repeated: int
    out_of_order: int


class Tally:
    """The counts of one load."""

    def __init__(self) -> None:
        self._recorded: dict[str, tuple[int, float]] = {}  # by key: the user, and the time
        self._arrived: dict[int, set[str]] = {}  # by user: keys
        self._at: dict[int, int] = {}  # by user: the seq of the last change
        self._repeated = 0
        self._out_of_order = 0

    def record(self, key: str, user: int, now: float) -> None:
        """Note a committed event for one user."""
        self._recorded[key] = (user, now)

    def start(self, user: int, seq: int) -> None:
        """Note where a connection begins: the next change has the seq after this."""
        self._at[user] = seq

    def change(self, user: int, seq: int, key: str | None) -> None:
        """Note a change as it came over the socket, with the key of its event if it has one."""
        last = self._at.get(user, 0)
        arrived = self._arrived.setdefault(user, set())
        if seq <= last or key in arrived:
            self._repeated += 1
        elif seq != last + 1:
            self._out_of_order += 1
        self._at[user] = max(last, seq)
        if key is not None:
            arrived.add(key)

    def show(self, user: int, keys: Iterable[str]) -> None:
        """Note the keys in a snapshot, which a client reads after a RESYNC."""
        self._arrived.setdefault(user, set()).update(keys)

    def counts(self, now: float) -> Counts:
        """Return the counts at a time of the same clock as in `record`."""
        missing = [
            at for key, (user, at) in self._recorded.items() if key not in self._arrived.get(user, ())
        ]  # fmt: skip
        lost = sum(now - at > LOST_AFTER_SECONDS for at in missing)
        recorded = len(self._recorded)
        return Counts(recorded, recorded - len(missing), len(missing) - lost, lost, self._repeated, self._out_of_order)
