"""Compares the histories of a trial with the promises. No I/O.

Input: the emitted events with their outcomes (`Emitted`), the rows of Postgres at the end (`Inbox`, the keys of
events), and the frames and state of each client (`Client`). Output: a `Verdict`: all violations, by name of the
promise, with their number.

An emission is `ok` (answered: it must have happened), `failed` (never left: it must not), or `unknown` (no answer: it
may have happened, but then wholly). Whether an unknown one happened says its row in the outbox.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["ok", "failed", "unknown"]

#: Number of frames that are shown of a client that differs from its inbox.
LAST_HEARD = 6


@dataclass(frozen=True, slots=True)
class Emitted:
    """One attempt to record an event: its recipients, the outcome, and the seconds it took."""

    key: str
    recipients: frozenset[int]
    outcome: Outcome
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Note:
    """A notification as a person sees it: read or not, and how many events it stands for."""

    is_read: bool
    count: int


@dataclass(frozen=True, slots=True)
class Inbox:
    """One inbox as Postgres has it. `told` is the key of each notification row, by seq; `changed` the seqs of changes.

    `shown` are the notifications that its owner should see, by their names.
    """

    user: int
    seq: int
    unread: int
    told: Sequence[tuple[int, str]]
    changed: Sequence[int] = ()
    shown: Mapping[str, Note] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame that moved a client's cursor, as it came over one connection.

    `kind` is `start` (CONNECTED or RESYNC: the client is at `seq` now) or `change`; `key` is that of the event, if the
    frame has one; `user` is the user that the connection reports, on a start.
    """

    connection: int
    kind: Literal["start", "change"]
    seq: int
    key: str | None = None
    user: int | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """One client: all its frames, and its state in the end. `resyncs`: the number of snapshots it had to read."""

    user: int
    heard: Sequence[Heard]
    seq: int
    unread: int
    shown: Mapping[str, Note]
    resyncs: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What broke which promise; nothing broke any where `broken` is empty."""

    events: int
    recipients: int
    broken: Mapping[str, Sequence[str]]

    def count(self, *promises: str) -> int:
        """How often these promises were broken."""
        return sum(len(self.broken.get(promise, ())) for promise in promises)

    @property
    def lost(self) -> int:
        """Notifications that a recipient should have and has not, and clients that never heard."""
        return self.count("lost", "hole", "stale", "pending")

    @property
    def repeated(self) -> int:
        """Notifications that a recipient has twice, and changes that one connection sent twice."""
        return self.count("repeated", "told twice", "invented")

    @property
    def out_of_order(self) -> int:
        """Changes that came before an earlier one."""
        return self.count("out of order")

    @property
    def leaked(self) -> int:
        """Frames and rows that reached a user who is not a recipient."""
        return self.count("leaked")

    def __str__(self) -> str:
        told = [f"{promise} ({len(cases)}): {', '.join(cases[:5])}" for promise, cases in self.broken.items()]
        return "; ".join(told) or "nothing was broken"


def check(
    emitted: Iterable[Emitted],
    committed: Collection[str],
    inboxes: Iterable[Inbox],
    clients: Iterable[Client],
    *,
    pending: Iterable[str] = (),
    bound_seconds: float | None = None,
    resyncs_allowed: bool = False,
    forgiven: Collection[str] = (),
) -> Verdict:
    """Hold the histories against the database.

    `committed` are the keys of all events in the outbox, `pending` those that are not done; `bound_seconds` is the
    longest that an emission may take. `forgiven` are keys that the database lost itself, with a state that it was
    taken back to: they need not be there, wholly or in part.
    """
    emissions = {one.key: one for one in emitted}
    inboxes = {one.user: one for one in inboxes}
    broken: dict[str, list[str]] = {}

    def breaks(promise: str, case: str) -> None:
        broken.setdefault(promise, []).append(case)

    present = frozenset(committed)
    expected = [one for one in emissions.values() if one.key in present or one.outcome == "ok"]
    for one in expected:
        if one.key in present or one.key not in forgiven:
            _rows_of(one, inboxes, breaks)
    for one in emissions.values():
        if one.outcome == "failed" and one.key in present:
            breaks("invented", f"{one.key} never left and is there")
        if bound_seconds is not None and one.seconds > bound_seconds:
            breaks("blocked", f"{one.key} took {one.seconds:.2f} s")
    for inbox in inboxes.values():
        _log_of(inbox, emissions, breaks)
    for client in clients:
        _heard_by(client, emissions, breaks)
        _believed_by(client, inboxes.get(client.user), breaks)
        if client.resyncs and not resyncs_allowed:
            breaks("resync", f"user {client.user} read {client.resyncs} snapshots")
    for key in pending:
        breaks("pending", key)
    return Verdict(len(expected), sum(len(one.recipients) for one in expected), broken)


Breaks = Callable[[str, str], None]


def _rows_of(one: Emitted, inboxes: Mapping[int, Inbox], breaks: Breaks) -> None:
    """One row for the event and each recipient."""
    for user in sorted(one.recipients):
        inbox = inboxes.get(user)
        rows = 0 if inbox is None else sum(key == one.key for _, key in inbox.told)
        if rows == 0:
            breaks("lost", f"{one.key} for user {user}")
        elif rows > 1:
            breaks("repeated", f"{one.key} for user {user}, {rows} times")


def _log_of(inbox: Inbox, emissions: Mapping[str, Emitted], breaks: Breaks) -> None:
    """Seqs 1..n without a hole, counters equal to rows, no rows of others and none that was not emitted."""
    seqs = Counter([seq for seq, _ in inbox.told] + list(inbox.changed))
    for seq in range(1, max([inbox.seq, *seqs]) + 1):
        if seqs[seq] == 0:
            breaks("hole", f"seq {seq} of user {inbox.user}")
        elif seqs[seq] > 1:
            breaks("counter", f"seq {seq} of user {inbox.user} is {seqs[seq]} rows")
    if seqs and inbox.seq != max(seqs):
        breaks("counter", f"user {inbox.user} has seq {inbox.seq} and rows up to {max(seqs)}")
    unread = sum(not note.is_read for note in inbox.shown.values())
    if inbox.unread != unread:
        breaks("counter", f"user {inbox.user} has unread {inbox.unread} and {unread} unread rows")
    for seq, key in inbox.told:
        one = emissions.get(key)
        if one is None:
            breaks("invented", f"seq {seq} of user {inbox.user} tells of {key}, which nobody emitted")
        elif inbox.user not in one.recipients:
            breaks("leaked", f"{key} is in the inbox of user {inbox.user}")


def _heard_by(client: Client, emissions: Mapping[str, Emitted], breaks: Breaks) -> None:
    """Over each connection every change once and in order, from where it began; nothing of others."""
    at: dict[int, int] = {}
    for heard in client.heard:
        if heard.user is not None and heard.user != client.user:
            breaks("leaked", f"a connection of user {client.user} is said to be that of user {heard.user}")
        one = emissions.get(heard.key or "")
        if one is not None and client.user not in one.recipients:
            breaks("leaked", f"{heard.key} was sent to user {client.user}")
        if heard.kind == "start":
            at[heard.connection] = heard.seq
            continue
        last = at.get(heard.connection)
        if last is None:
            breaks("out of order", f"seq {heard.seq} to user {client.user} before any start")
        elif heard.seq == last:
            breaks("told twice", f"seq {heard.seq} to user {client.user}")
        elif heard.seq < last:
            breaks("out of order", f"seq {heard.seq} after {last} to user {client.user}")
        elif heard.seq > last + 1:
            breaks("hole", f"seq {heard.seq} after {last} to user {client.user}")
        at[heard.connection] = max(heard.seq, last or 0)


def _believed_by(client: Client, inbox: Inbox | None, breaks: Breaks) -> None:
    """The state of the client equals the rows."""
    seq, unread, shown = (0, 0, {}) if inbox is None else (inbox.seq, inbox.unread, inbox.shown)
    if client.seq != seq:
        heard = ", ".join(
            f"{one.connection} {one.kind} {one.seq} {one.key or ''}" for one in client.heard[-LAST_HEARD:]
        )
        breaks("stale", f"user {client.user} stands at {client.seq} of {seq}; last it heard {heard}")
    elif client.unread != unread:
        breaks("stale", f"user {client.user} counts {client.unread} unread of {unread}")
    elif dict(client.shown) != dict(shown):
        differing = [name for name in {*client.shown, *shown} if client.shown.get(name) != shown.get(name)]
        breaks(
            "stale",
            f"user {client.user} sees {differing[0]} as {client.shown.get(differing[0])}, not "
            f"{shown.get(differing[0])}",
        )
