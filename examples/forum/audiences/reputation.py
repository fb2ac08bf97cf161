"""The recipients of a vote, an accepted answer and a badge: the user who earned it."""

from django.urls import reverse

from clarion import Audience, Limit, Over, audiences_for, declare_kind
from examples.forum.audiences import people
from examples.forum.audiences.messages import about
from examples.forum.badges import CATALOGUE
from examples.forum.events import BadgeAwarded, MessageAccepted, MessageVoted
from examples.forum.models import Acceptance, Award, Message, Vote

#: A single vote means little, so votes collapse; those beyond the limit are deferred.
VOTE = declare_kind("VOTE", collapses=True, limit=Limit(events=30, seconds=60, over=Over.DEFER))
ACCEPTED = declare_kind("ACCEPTED")
BADGE = declare_kind("BADGE")


@audiences_for(MessageVoted)
def message_voted(event: MessageVoted) -> list[Audience]:
    """Return the author of the message; an empty list if the vote was taken back meanwhile."""
    vote = Vote.objects.select_related("message__thread").filter(pk=event.vote_id).first()
    return [] if vote is None else _to_author(VOTE, vote.message)


@audiences_for(MessageAccepted)
def message_accepted(event: MessageAccepted) -> list[Audience]:
    """Return the author of the answer; an empty list if another was accepted meanwhile."""
    acceptance = Acceptance.objects.select_related("message__thread").filter(pk=event.acceptance_id).first()
    return [] if acceptance is None else _to_author(ACCEPTED, acceptance.message)


def _to_author(kind: str, message: Message) -> list[Audience]:
    if message.deleted_at or message.thread.deleted_at:
        return []
    return [
        Audience(
            kind,
            who=people.one(message.author_id),
            data=about(message),
            topic=message.thread.topic,
            message_id=str(message.pk),
            conversation_id=str(message.thread_id),
        )
    ]


@audiences_for(BadgeAwarded)
def badge_awarded(event: BadgeAwarded) -> list[Audience]:
    """Return the owner of the badge."""
    award = Award.objects.select_related("user", "awarded_by").filter(pk=event.award_id).first()
    badge = CATALOGUE.get(award.badge) if award else None
    if award is None or badge is None:
        return []
    data = {
        "badge": badge.slug,
        "name": badge.name,
        "description": badge.description,
        "icon": badge.icon,
        "colour": badge.colour,
        "automatic": award.awarded_by is None,
        # The same under the names that the hooks of other clients read.
        "badge_id": badge.slug,
        "badge_name": badge.name,
        "badge_description": badge.description,
        "badge_icon": badge.icon,
        "badge_color": badge.colour,
        "is_auto_awarded": award.awarded_by is None,
        "awarded_by": award.awarded_by.username if award.awarded_by else None,
        "url": reverse("person", args=[award.user.username]),
    }
    return [Audience(BADGE, who=people.one(award.user_id), data=data, topic=f"forum.person:{award.user_id}")]
