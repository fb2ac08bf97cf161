"""What happens in the forum, as the pipeline knows it: names, and ids.

An event of moderation names the action, of reputation the vote, acceptance or award, and of a job its row: each happens
once, so that its id is all that the event needs.
"""

from clarion import Event


class MessagePosted(Event, name="forum.message.posted.v1"):
    """A person wrote a message, as the first of a thread or as a reply."""

    message_id: int


class MessageVoted(Event, name="forum.message.voted.v1"):
    """A user voted for a message."""

    vote_id: int


class MessageAccepted(Event, name="forum.message.accepted.v1"):
    """The author of a thread accepted an answer."""

    acceptance_id: int


class BadgeAwarded(Event, name="forum.badge.awarded.v1"):
    """A user earned a badge, or received one."""

    award_id: int


class ThreadLocked(Event, name="forum.thread.locked.v1"):
    """A moderator closed a thread to replies."""

    action_id: int


class ThreadUnlocked(Event, name="forum.thread.unlocked.v1"):
    """A moderator opened a thread to replies again."""

    action_id: int


class ThreadPinned(Event, name="forum.thread.pinned.v1"):
    """A moderator put a thread above the others."""

    action_id: int


class ThreadUnpinned(Event, name="forum.thread.unpinned.v1"):
    """A moderator let a thread take its place among the others again."""

    action_id: int


class ThreadDeleted(Event, name="forum.thread.deleted.v1"):
    """A moderator took a thread down."""

    action_id: int


class ThreadRestored(Event, name="forum.thread.restored.v1"):
    """A moderator brought a thread back."""

    action_id: int


class MessageDeleted(Event, name="forum.message.deleted.v1"):
    """A moderator took a message down."""

    action_id: int


class MessageRestored(Event, name="forum.message.restored.v1"):
    """A moderator brought a message back."""

    action_id: int


class DocumentProcessed(Event, name="forum.document.processed.v1"):
    """A document was read."""

    document_id: int


class DocumentProcessingFailed(Event, name="forum.document.processing_failed.v1"):
    """A document could not be read."""

    document_id: int


class DocumentPublicized(Event, name="forum.document.publicized.v1"):
    """A document was made public."""

    document_id: int


class ExtractCompleted(Event, name="forum.extract.completed.v1"):
    """An extract of a document is complete."""

    extract_id: int


class AnalysisCompleted(Event, name="forum.analysis.completed.v1"):
    """The words of a document were counted."""

    analysis_id: int


class AnalysisFailed(Event, name="forum.analysis.failed.v1"):
    """The words of a document could not be counted."""

    analysis_id: int


class ExportCompleted(Event, name="forum.export.completed.v1"):
    """A thread was written out."""

    export_id: int
