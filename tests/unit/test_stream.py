"""The stream yields each change once and in order, despite lost, repeated and reordered frames."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from clarion.edge.stream import HELD_MAX, HELD_MAX_CHARACTERS, Stream


def frame(seq: int) -> tuple[int, str]:
    return seq, f"frame {seq}"


def texts(*seqs: int) -> list[str]:
    return [frame(seq)[1] for seq in seqs]


def live(cursor: int) -> Stream:
    stream = Stream()
    stream.open(cursor)
    return stream


def test_next_frame() -> None:
    """The next frame is forwarded immediately."""
    assert live(4).published(*frame(5)) == texts(5)


def test_repeated_frame() -> None:
    """A repeated or older frame is dropped."""
    stream = live(4)
    stream.published(*frame(5))
    assert stream.published(*frame(5)) == stream.published(*frame(2)) == []
    assert not stream.behind


def test_reordered_frames() -> None:
    """A frame beyond a gap is held until the missing frame arrives."""
    stream = live(4)
    assert stream.published(*frame(6)) == []
    assert stream.behind
    assert stream.published(*frame(5)) == texts(5, 6)
    assert not stream.behind


def test_gap_repair() -> None:
    """A gap is filled from the log, and the held frames follow."""
    stream = live(4)
    stream.published(*frame(8))
    assert stream.repaired([frame(5), frame(6), frame(7)]) == texts(5, 6, 7, 8)
    assert not stream.behind


def test_frames_before_open() -> None:
    """Frames that arrive before the stream is open are held, and none is repeated."""
    stream = Stream()
    assert stream.published(*frame(6)) == stream.published(*frame(7)) == []
    assert stream.open(4, [frame(5), frame(6)]) == texts(5, 6, 7)


def test_held_frames_size() -> None:
    """The held frames have a bound in characters."""
    stream = live(0)
    size = HELD_MAX_CHARACTERS // 10
    for seq in range(2, 30):
        assert stream.published(seq, "x" * size) == []
        assert stream.published(seq, "x" * size) == []  # a repetition counts once
    assert len(stream._held) == 10
    assert len(stream.published(1, "x")) == 11
    assert stream._held_characters == 0
    assert stream.behind


def test_held_frames_count() -> None:
    """The number of held frames has a bound, and the stream remembers that dropped frames exist."""
    stream = live(0)
    for seq in range(2, HELD_MAX + 100):
        assert stream.published(*frame(seq)) == []
    assert len(stream._held) == HELD_MAX
    assert stream.repaired([frame(1)]) == texts(*range(1, HELD_MAX + 2))
    assert stream.behind


def test_stream_after_resync() -> None:
    """After a resync the stream continues from the snapshot."""
    stream = live(4)
    stream.published(*frame(900))
    assert stream.jump(899) == texts(900)
    assert not stream.behind


def test_jump_to_new_epoch() -> None:
    """A jump to a new epoch discards the held frames of the old one."""
    stream = live(100)
    stream.published(*frame(105))
    assert stream.jump(50, forget=True) == []
    assert not stream.behind
    assert stream.published(*frame(51)) == texts(51)


class AnyInterleaving(RuleBasedStateMachine):
    """One inbox and one client, with every interleaving.

    Frames are published, lost, repeated and reordered at will. The client keeps a cursor across reconnects, and its
    reads of the log begin and end at any time.
    """

    in_flight = Bundle("in_flight")
    reads = Bundle("reads")

    def __init__(self) -> None:
        super().__init__()
        self.head = 0
        self.seen: list[str] = []
        self.stream = Stream()
        self.stream.open(0)
        self.connection = 0

    @rule(target=in_flight)
    def commit(self) -> int:
        self.head += 1
        return self.head

    @rule(target=in_flight, seqs=st.integers(2, 5))
    def commit_many(self, seqs: int) -> "multiple":
        first, self.head = self.head + 1, self.head + seqs
        return multiple(*range(first, self.head + 1))

    @rule(seq=in_flight)
    def arrive(self, seq: int) -> None:  # the frame stays in flight: it may arrive again
        self.seen += self.stream.published(*frame(seq))

    @rule(seq=consumes(in_flight))
    def lose(self, seq: int) -> None:
        pass

    @rule(target=reads)
    def read_the_log(self) -> tuple[int, list[tuple[int, str]]]:
        after = self.stream.last or 0
        return self.connection, [frame(seq) for seq in range(after + 1, self.head + 1)]

    @rule(read=consumes(reads))
    def the_read_ends(self, read: tuple[int, list[tuple[int, str]]]) -> None:
        connection, log = read
        if connection == self.connection and self.stream.last is not None:
            self.seen += self.stream.repaired(log)

    @rule()
    def look_for_quiet_loss(self) -> None:
        self.stream.exists(self.head)

    @rule()
    def reconnect(self) -> None:
        self.connection += 1
        self.stream = Stream()

    @rule()
    def open(self) -> None:
        if self.stream.last is None:
            cursor = len(self.seen)
            self.seen += self.stream.open(cursor, [frame(seq) for seq in range(cursor + 1, self.head + 1)])

    @invariant()
    def each_once_and_in_order(self) -> None:
        assert self.seen == texts(*range(1, len(self.seen) + 1))

    @invariant()
    def never_knows_of_more_than_there_is_nor_forgets_what_it_sent(self) -> None:
        if self.stream.last is not None:
            assert self.stream.last == len(self.seen)
            assert self.stream.behind == (self.stream.highest > len(self.seen))

    def teardown(self) -> None:
        self.open()
        self.stream.exists(self.head)
        if self.stream.behind:
            after = self.stream.last or 0
            self.seen += self.stream.repaired([frame(seq) for seq in range(after + 1, self.head + 1)])
        assert self.seen == texts(*range(1, self.head + 1))
        assert not self.stream.behind


TestAnyInterleaving = AnyInterleaving.TestCase
TestAnyInterleaving.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
