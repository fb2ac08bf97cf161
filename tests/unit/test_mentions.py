"""Valid and invalid mentions."""

import unicodedata

import pytest

from examples.forum.mentions import NAME_MAX_LENGTH, NAMES_MAX, mentioned_names, segments


@pytest.mark.parametrize(
    "body, names",
    [
        # where a mention may stand
        ("@ann", {"ann"}),
        ("hello @ann", {"ann"}),
        ("@ann hello", {"ann"}),
        ("hello\n@ann\thello", {"ann"}),
        ("hello\u00a0@ann", {"ann"}),
        ("@ann @ben\n@cleo", {"ann", "ben", "cleo"}),
        ("@ann and @ann again", {"ann"}),
        # names
        ("@Ann @BEN", {"ann", "ben"}),
        ("@ann-marie @ann_marie @ann2 @7ann", {"ann-marie", "ann_marie", "ann2", "7ann"}),
        ("@_ann_", {"_ann_"}),
        ("@ÜNAL @Ólafur", {"ünal", "ólafur"}),
        ("@李雷", {"李雷"}),
        (unicodedata.normalize("NFD", "@josé"), {"josé"}),
        ("@\uff41nn", {"ann"}),
        # punctuation that follows is not part of the name
        ("@ann, hi", {"ann"}),
        ("@ann.", {"ann"}),
        ("@ann! @ben? @cleo: @dan; @eva…", {"ann", "ben", "cleo", "dan", "eva"}),
        ("@ann's bread", {"ann"}),
        ("@ann) @ben] @cleo}", {"ann", "ben", "cleo"}),
        ("@ann/ben", {"ann"}),
        ("@ann- @ben--", {"ann", "ben"}),
        ("@ann—hi", {"ann"}),
        ("@ann,@ben", {"ann", "ben"}),
        ("@john.doe", {"john.doe"}),
        ("@john.doe. @a.b.c, @ann..", {"john.doe", "a.b.c", "ann"}),
        # punctuation before it, as other forums read it
        ("(@ann) [@ben] {@cleo} <@dan>", {"ann", "ben", "cleo", "dan"}),
        ("**@ann** *@ben* _@cleo_ __@dan__ ~~ @eva ~~", {"ann", "ben", "cleo", "dan", "eva"}),
        ("\"@ann\" '@ben' \u201c@cleo\u201d \u00ab@dan\u00bb", {"ann", "ben", "cleo", "dan"}),
        ("hi,@ann;@ben:@cleo!@dan?@eva", {"ann", "ben", "cleo", "dan", "eva"}),
        (".@ann is right", {"ann"}),
        ("\u00bf@ann? \u00a1@ben! \u2014@cleo|@dan", {"ann", "ben", "cleo", "dan"}),
        (">@ann wrote", {"ann"}),
        ("_@ann_b_ @ann_", {"ann_b", "ann_"}),
        # code
        ("`@ann` and @ben", {"ben"}),
        ("```\n@ann\n``` @ben", {"ben"}),
        ("`@ann", {"ann"}),
        # no mentions
        ("", set()),
        ("ann", set()),
        ("@", set()),
        ("@ ann", set()),
        ("@@ann", set()),
        ("@-ann", set()),
        ("x@ann", set()),
        ("x.@ann", set()),
        ("1+@ann #@ann /@ann -@ann =@ann", set()),
        ("https://here.example/?u=@ann&@ben", set()),
        ("https://here.example/@ann", set()),
        # e-mail addresses, whole and in part
        ("ann@here.example", set()),
        ("mail ann@here.example, please", set()),
        ("mailto:ann@here.example", set()),
        ("ann.b+c@here.example", set()),
        ("@ann@here.example", set()),
        ("@ann.b@here.example", set()),
        ("@ann-b+c@here.example", set()),
        ("ann @here.example", {"here.example"}),  # as anyone would read it
        # nothing that a name may hold breaks out of it
        ("@ann<script>", {"ann"}),
        ("@ann' OR 1=1 --", {"ann"}),
        ("@ann\x00", {"ann"}),
    ],
)
def test_mentioned_names(body: str, names: set[str]) -> None:
    """A message mentions exactly the names that are written as mentions."""
    assert mentioned_names(body) == names


def test_overlong_name() -> None:
    """A name longer than any username is not a mention."""
    longest = "a" * NAME_MAX_LENGTH
    assert mentioned_names(f"@{longest} @{longest}a") == {longest}


def test_mention_limit() -> None:
    """Names beyond the maximum for one message are ignored."""
    body = " ".join(f"@person-{number}" for number in range(NAMES_MAX + 5))
    assert mentioned_names(body) == {f"person-{number}" for number in range(NAMES_MAX)}


def test_repeated_name() -> None:
    """A repeated name counts once."""
    body = "@ann " * 100 + "@ben"
    assert mentioned_names(body) == {"ann", "ben"}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("part", ["@a", "@a.", " @a-", "@a@", "@-", " @a" + "-" * 50, "@" * 3], ids=repr)
def test_hostile_body(part: str) -> None:
    """A hostile body is parsed in linear time."""
    mentioned_names(part * 50_000)


def test_segments() -> None:
    """The segments together are the whole text, in order."""
    body = "hi @Ann, not ann@here.example\n@ben!"
    cut = list(segments(body))
    assert "".join(segment.text for segment in cut) == body
    assert [(segment.text, segment.name) for segment in cut if segment.name] == [("@Ann", "ann"), ("@ben", "ben")]
    assert all(segment.text for segment in cut)
