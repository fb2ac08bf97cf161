"""The badges, and the rules by which they are earned.

Input: an action of a user, or a moderator's decision. Output: an Award, once for each user and badge. The catalogue is
code, because the automatic rules are code too.
"""

from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User

from examples.forum.models import Award, Vote


@dataclass(frozen=True, slots=True)
class Badge:
    """One badge, which comes by itself or is given by hand.

    `icon` is one of the page's symbols; `colour` is legible on light and on dark.
    """

    slug: str
    name: str
    description: str
    icon: str
    colour: str
    by_hand: bool = False


FIRST_REPLY: Final = Badge("first-reply", "First reply", "Answered somebody for the first time.", "reply", "#2f8f83")
TEN_VOTES: Final = Badge("ten-votes", "Well said", "Ten votes for what you wrote.", "vote", "#4a86cf")
SOLVER: Final = Badge("solver", "Solver", "An answer of yours was accepted.", "accepted", "#3f9a5f")
HELPING_HAND: Final = Badge(
    "helping-hand", "Helping hand", "Was there when somebody needed it.", "heart", "#cf5a78", by_hand=True
)
GOOD_HOST: Final = Badge("good-host", "Good host", "Made newcomers feel at home.", "star", "#b7791f", by_hand=True)

CATALOGUE: Final = {badge.slug: badge for badge in (FIRST_REPLY, TEN_VOTES, SOLVER, HELPING_HAND, GOOD_HOST)}

#: Votes for the badge "Well said".
VOTES = 10


def award(badge: Badge, user: User, *, by: User | None = None) -> bool:
    """Give `user` the badge; whether they did not have it before."""
    _, new = Award.objects.get_or_create(user=user, badge=badge.slug, defaults={"awarded_by": by})
    return new


def after_reply(author: User) -> None:
    """Return the badges that the author of a reply has earned with it."""
    award(FIRST_REPLY, author)


def after_vote(author: User) -> None:
    """Return the badges that the author of a message has earned with one more vote."""
    if Vote.objects.filter(message__author=author).count() >= VOTES:
        award(TEN_VOTES, author)


def after_acceptance(author: User) -> None:
    """Return the badges that the author of an answer has earned with its acceptance."""
    award(SOLVER, author)


def of(user: User) -> list[tuple[Badge, Award]]:
    """Return the badges of a user, the oldest first."""
    awards = Award.objects.filter(user=user).select_related("awarded_by").order_by("pk")
    return [(CATALOGUE[award.badge], award) for award in awards if award.badge in CATALOGUE]
