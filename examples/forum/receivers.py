"""Signal handlers: record the event and return.

Input: a row that Django has just saved. Output: one event in the outbox, in the same transaction, if the row causes
notifications; none for fixtures, changes, bots and the system. The audiences select the recipients. A key contains the
row and the sort of event, so saving the row again records nothing new. Events of one thread, or of one user's jobs,
have that as their source.
"""

from typing import Any, Final

from django.db.models.signals import post_save
from django.dispatch import receiver

from clarion import Event, record
from examples.forum import events
from examples.forum.models import (
    Acceptance,
    Analysis,
    Award,
    Document,
    Export,
    Extract,
    Job,
    Message,
    ModerationAction,
    Vote,
    thread_topic,
)

Action = ModerationAction.Action

THREAD_EVENTS: Final = {
    Action.LOCK: events.ThreadLocked,
    Action.UNLOCK: events.ThreadUnlocked,
    Action.PIN: events.ThreadPinned,
    Action.UNPIN: events.ThreadUnpinned,
    Action.DELETE: events.ThreadDeleted,
    Action.RESTORE: events.ThreadRestored,
}
MESSAGE_EVENTS: Final = {Action.DELETE: events.MessageDeleted, Action.RESTORE: events.MessageRestored}


@receiver(post_save, sender=Message, dispatch_uid="forum.message.posted")
def message_saved(*, instance: Message, created: bool, raw: bool, **_: Any) -> None:
    """Record that `instance` was posted, if a person has just posted it."""
    if raw or not created or instance.origin != Message.Origin.HUMAN:
        return
    record(
        events.MessagePosted(message_id=instance.pk),
        key=f"forum.message.posted:{instance.pk}",
        actor_id=instance.author_id,
        source=thread_topic(instance.thread_id),
    )


@receiver(post_save, sender=Vote, dispatch_uid="forum.message.voted")
def vote_saved(*, instance: Vote, created: bool, raw: bool, **_: Any) -> None:
    """Record a new vote."""
    if raw or not created:
        return
    record(
        events.MessageVoted(vote_id=instance.pk),
        key=f"forum.message.voted:{instance.pk}",
        actor_id=instance.voter_id,
        source=thread_topic(instance.message.thread_id),
    )


@receiver(post_save, sender=Acceptance, dispatch_uid="forum.message.accepted")
def acceptance_saved(*, instance: Acceptance, created: bool, raw: bool, **_: Any) -> None:
    """Record that an answer was accepted."""
    if raw or not created:
        return
    record(
        events.MessageAccepted(acceptance_id=instance.pk),
        key=f"forum.message.accepted:{instance.pk}",
        actor_id=instance.thread.author_id,
    )


@receiver(post_save, sender=Award, dispatch_uid="forum.badge.awarded")
def award_saved(*, instance: Award, created: bool, raw: bool, **_: Any) -> None:
    """Record that a badge was awarded; without an actor if it was automatic."""
    if raw or not created:
        return
    record(
        events.BadgeAwarded(award_id=instance.pk),
        key=f"forum.badge.awarded:{instance.pk}",
        actor_id=instance.awarded_by_id,
    )


@receiver(post_save, sender=ModerationAction, dispatch_uid="forum.moderated")
def action_saved(*, instance: ModerationAction, created: bool, raw: bool, **_: Any) -> None:
    """Record what a moderator did."""
    if raw or not created:
        return
    declared = (THREAD_EVENTS if instance.message_id is None else MESSAGE_EVENTS)[Action(instance.action)]
    record(declared(action_id=instance.pk), key=f"forum.moderated:{instance.pk}", actor_id=instance.moderator_id)


@receiver(post_save, sender=Document, dispatch_uid="forum.document.finished")
def document_saved(*, instance: Document, raw: bool, **_: Any) -> None:
    """Record that a document was read, could not be read, or was made public."""
    if raw:
        return
    if instance.state == Job.State.DONE:
        _finished(instance, events.DocumentProcessed(document_id=instance.pk))
    elif instance.state == Job.State.FAILED:
        _finished(instance, events.DocumentProcessingFailed(document_id=instance.pk))
    if instance.publisher_id is not None:
        record(
            events.DocumentPublicized(document_id=instance.pk),
            key=f"forum.document.publicized:{instance.pk}",
            actor_id=instance.publisher_id,
        )


@receiver(post_save, sender=Extract, dispatch_uid="forum.extract.finished")
def extract_saved(*, instance: Extract, raw: bool, **_: Any) -> None:
    """Record that an extract is complete."""
    if not raw and instance.state == Job.State.DONE:
        _finished(instance, events.ExtractCompleted(extract_id=instance.pk))


@receiver(post_save, sender=Analysis, dispatch_uid="forum.analysis.finished")
def analysis_saved(*, instance: Analysis, raw: bool, **_: Any) -> None:
    """Record that an analysis is complete, or failed."""
    if raw:
        return
    if instance.state == Job.State.DONE:
        _finished(instance, events.AnalysisCompleted(analysis_id=instance.pk))
    elif instance.state == Job.State.FAILED:
        _finished(instance, events.AnalysisFailed(analysis_id=instance.pk))


@receiver(post_save, sender=Export, dispatch_uid="forum.export.finished")
def export_saved(*, instance: Export, raw: bool, **_: Any) -> None:
    """Record that an export is complete."""
    if not raw and instance.state == Job.State.DONE:
        _finished(instance, events.ExportCompleted(export_id=instance.pk))


def _finished(job: Job, event: Event) -> None:
    """Without an actor, so that the user who started the job is notified of its result."""
    record(event, key=f"{event.event_name.rpartition('.')[0]}:{job.pk}", source=f"forum.jobs of {job.starter_id}")
