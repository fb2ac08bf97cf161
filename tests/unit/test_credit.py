"""A client is sent a limited amount beyond its last acknowledgement."""

import hypothesis.strategies as st
from hypothesis import given

from clarion.edge.credit import Credit


def acknowledging(frames: int = 100, bytes_: int = 100_000) -> Credit:
    credit = Credit(frames, bytes_)
    credit.acknowledged(0, 0)
    return credit


def taken(credit: Credit, size: int = 10) -> int:
    count = 0
    while credit.take(size):
        count += 1
    return count


def test_frame_limit() -> None:
    """A client is sent at most the allowed number of unacknowledged frames."""
    assert taken(acknowledging(frames=100)) == 100


def test_byte_limit() -> None:
    """A client is sent at most the allowed bytes, but one frame of any size is always sent."""
    assert taken(acknowledging(bytes_=1000), size=300) == 3
    assert taken(acknowledging(bytes_=1000), size=5000) == 1


def test_acknowledge_all() -> None:
    """Acknowledging every frame restores the full credit."""
    credit = acknowledging(frames=100)
    taken(credit)
    assert not credit.half_free
    credit.acknowledged(100, 100)
    assert (credit.half_free, taken(credit)) == (True, 100)


def test_acknowledge_part() -> None:
    """Partial acknowledgements restore credit from the second acknowledgement on."""
    credit = acknowledging(frames=100)
    for _ in range(60):
        credit.take(10)
    credit.acknowledged(30, 60)  # the mark moves to 60
    for _ in range(40):
        credit.take(10)
    assert not credit.take(10)
    credit.acknowledged(60, 100)
    assert taken(credit) == 60


def test_client_without_acknowledgements() -> None:
    """A client has no limit before its first acknowledgement, and the usual limit after it."""
    credit = Credit(100, 100_000)
    for _ in range(1000):
        assert credit.take(1000)
    assert credit.half_free
    credit.acknowledged(1, 1000)
    assert taken(credit) == 100
    credit.acknowledged(1000, 1100)
    credit.acknowledged(1100, 1100)
    assert taken(credit) == 100


@given(steps=st.lists(st.one_of(st.integers(1, 500), st.tuples(st.integers(0, 200)))))
def test_counted_frames(steps: list[int | tuple[int]]) -> None:
    """The counted frames and bytes are never fewer than those actually unacknowledged."""
    credit = acknowledging(frames=50, bytes_=5000)
    sent: list[int] = []
    acked = 0
    for step in steps:
        if isinstance(step, int):
            if credit.take(step):
                sent.append(step)
        else:
            seq = min(step[0], len(sent))
            credit.acknowledged(seq, len(sent))
            acked = max(acked, seq)
        frames, bytes_ = credit.out
        assert frames >= len(sent) - acked
        assert bytes_ >= sum(sent[acked:])
        assert frames <= 50
