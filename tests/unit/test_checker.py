"""The checker of the faults reports nothing in a clean run, and each kind of broken promise otherwise."""

from dataclasses import replace
from typing import Any

import pytest

from tests.faults.checker import Client, Emitted, Heard, Inbox, Note, Verdict, check

pytestmark = pytest.mark.unit

ANN, BEN = 1, 2
UNREAD, READ = Note(False, 1), Note(True, 1)

#: Both get `one`, Ann gets `two` and then reads it; the outcome of `three` is unknown, and it was not recorded.
EMITTED = (
    Emitted("one", frozenset({ANN, BEN}), "ok", 0.1),
    Emitted("two", frozenset({ANN}), "ok", 0.1),
    Emitted("three", frozenset({ANN, BEN}), "unknown", 0.1),
    Emitted("four", frozenset({BEN}), "failed", 0.1),
)
COMMITTED = ("one", "two")
ANNS = Inbox(ANN, 3, 1, [(1, "one"), (2, "two")], [3], {"1": UNREAD, "2": READ})
BENS = Inbox(BEN, 1, 1, [(1, "one")], [], {"1": UNREAD})
#: Ann's first connection ends after `one`, and the second begins where it ended.
ANN_HEARD = (
    Heard(1, "start", 0, user=ANN),
    Heard(1, "change", 1, "one"),
    Heard(2, "start", 1, user=ANN),
    Heard(2, "change", 2, "two"),
    Heard(2, "change", 3),
)
ANNS_CLIENT = Client(ANN, ANN_HEARD, 3, 1, {"1": UNREAD, "2": READ})
BENS_CLIENT = Client(BEN, (Heard(1, "start", 0, user=BEN), Heard(1, "change", 1, "one")), 1, 1, {"1": UNREAD})


def verdict(**changed: Any) -> Verdict:
    given: dict[str, Any] = {
        "emitted": EMITTED, "committed": COMMITTED, "inboxes": (ANNS, BENS), "clients": (ANNS_CLIENT, BENS_CLIENT),
        "bound_seconds": 1.0,
    }  # fmt: skip
    return check(**{**given, **changed})


def test_clean_run() -> None:
    """A run without faults breaks no promise."""
    found = verdict()
    assert (found.events, found.recipients, dict(found.broken)) == (2, 3, {})
    assert str(found) == "nothing was broken"


def test_unknown_emission_partly_delivered() -> None:
    """An emission of unknown outcome that was committed must reach all its recipients."""
    assert verdict(committed=(*COMMITTED, "three")).broken["lost"] == ["three for user 1", "three for user 2"]
    bens = replace(BENS, seq=2, unread=2, told=[(1, "one"), (2, "three")], shown={"1": UNREAD, "2": UNREAD})
    client = replace(BENS_CLIENT, seq=2, unread=2, shown=bens.shown)
    half = verdict(committed=(*COMMITTED, "three"), inboxes=(ANNS, bens), clients=(ANNS_CLIENT, client))
    assert dict(half.broken) == {"lost": ["three for user 1"]}


def test_lost_emission() -> None:
    """A confirmed emission that is missing from the database counts as lost."""
    found = verdict(committed=("two",), inboxes=(ANNS,), clients=(ANNS_CLIENT,))
    assert dict(found.broken) == {"lost": ["one for user 2"]}
    assert found.lost == 1


def test_forgiven_emission() -> None:
    """An emission that the database itself lost in a failover is not counted as lost."""
    anns = Inbox(ANN, 2, 1, [(1, "two")], [2], {"1": UNREAD})
    client = Client(ANN, (Heard(1, "start", 2, user=ANN),), 2, 1, {"1": UNREAD}, resyncs=1)
    found = verdict(committed=("two",), inboxes=(anns,), clients=(client,), forgiven={"one"}, resyncs_allowed=True)
    assert dict(found.broken) == {}


def test_invented_emission() -> None:
    """An emission that failed and yet was committed counts as invented."""
    assert "four never left and is there" in verdict(committed=(*COMMITTED, "four")).broken["invented"]


@pytest.mark.parametrize(
    "anns,promise",
    [
        (replace(ANNS, seq=4, told=[(1, "one"), (2, "two"), (4, "one")]), "repeated"),
        (replace(ANNS, changed=[]), "counter"),
        (replace(ANNS, changed=[4], seq=4), "hole"),
        (replace(ANNS, changed=[2, 3]), "counter"),
        (replace(ANNS, seq=4), "hole"),
        (replace(ANNS, unread=2), "counter"),
        (replace(ANNS, told=[(1, "one"), (2, "nobody's")]), "invented"),
        (replace(ANNS, seq=4, told=[(1, "one"), (2, "two"), (4, "four")]), "leaked"),
    ],
)
def test_wrong_inbox(anns: Inbox, promise: str) -> None:
    """Each error in a stored inbox is reported under the promise that it breaks."""
    assert promise in verdict(inboxes=(anns, BENS)).broken


@pytest.mark.parametrize(
    "heard,promise",
    [
        ((*ANN_HEARD, Heard(2, "change", 3)), "told twice"),
        ((*ANN_HEARD[:3], ANN_HEARD[4], ANN_HEARD[3]), "out of order"),
        ((*ANN_HEARD[:3], ANN_HEARD[4]), "hole"),
        ((*ANN_HEARD, Heard(2, "change", 4, "four")), "leaked"),
        ((Heard(1, "start", 0, user=BEN), *ANN_HEARD[1:]), "leaked"),
        (ANN_HEARD[1:], "out of order"),
    ],
)
def test_wrong_frames(heard: tuple[Heard, ...], promise: str) -> None:
    """Each error in the frames of a socket is reported under the promise that it breaks."""
    assert promise in verdict(clients=(replace(ANNS_CLIENT, heard=heard), BENS_CLIENT)).broken


def test_change_on_new_connection() -> None:
    """A change that is sent again over another connection is not counted as repeated."""
    again = (*ANN_HEARD, Heard(3, "start", 1, user=ANN), Heard(3, "change", 2, "two"), Heard(3, "change", 3))
    assert dict(verdict(clients=(replace(ANNS_CLIENT, heard=again), BENS_CLIENT)).broken) == {}


@pytest.mark.parametrize(
    "client", [replace(ANNS_CLIENT, seq=2), replace(ANNS_CLIENT, unread=2), replace(ANNS_CLIENT, shown={"1": READ})]
)
def test_stale_client(client: Client) -> None:
    """A client whose final state differs from the inbox counts as stale."""
    found = verdict(clients=(client, BENS_CLIENT))
    assert len(found.broken["stale"]) == found.lost == 1


def test_pending_and_blocked() -> None:
    """Pending work and calls that exceeded the bound are reported."""
    slow = (*EMITTED, Emitted("three", frozenset({ANN}), "unknown", 1.5))
    assert dict(verdict(pending=["one"], emitted=slow).broken) == {
        "pending": ["one"], "blocked": ["three took 1.50 s"],
    }  # fmt: skip


def test_unexpected_resync() -> None:
    """A snapshot that a client read is reported unless the trial allows resyncs."""
    read = (replace(ANNS_CLIENT, resyncs=1), BENS_CLIENT)
    assert dict(verdict(clients=read).broken) == {"resync": ["user 1 read 1 snapshots"]}
    assert dict(verdict(clients=read, resyncs_allowed=True).broken) == {}
