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


def test_frames_have_a_limit() -> None:
    assert taken(acknowledging(frames=100)) == 100


def test_bytes_have_a_limit_but_one_frame_always_goes() -> None:
    assert taken(acknowledging(bytes_=1000), size=300) == 3
    assert taken(acknowledging(bytes_=1000), size=5000) == 1


def test_acknowledging_all_gives_all_back() -> None:
    credit = acknowledging(frames=100)
    taken(credit)
    assert not credit.half_free
    credit.acknowledged(100, 100)
    assert (credit.half_free, taken(credit)) == (True, 100)


def test_acknowledging_a_part_gives_back_at_the_second_time() -> None:
    credit = acknowledging(frames=100)
    for _ in range(60):
        credit.take(10)
    credit.acknowledged(30, 60)  # the mark moves to 60
    for _ in range(40):
        credit.take(10)
    assert not credit.take(10)
    credit.acknowledged(60, 100)
    assert taken(credit) == 60


def test_who_never_acknowledges_is_not_bounded_and_is_counted_from_the_first_acknowledgement_on() -> None:
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
def test_what_is_counted_as_out_is_never_less_than_what_is_out(steps: list[int | tuple[int]]) -> None:
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
