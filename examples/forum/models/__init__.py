"""The forum's rows.

messages.py    Thread, Message
reputation.py  Vote, Acceptance, Award
moderation.py  ModerationAction
jobs.py        Collection, Document, Extract, Analysis, Export
transactional.py  the base of rows that record events
"""

from examples.forum.models.jobs import Analysis, Collection, Document, Export, Extract, Job
from examples.forum.models.messages import BODY_MAX_LENGTH, TITLE_MAX_LENGTH, Message, Thread, thread_topic
from examples.forum.models.moderation import REASON_MAX_LENGTH, ModerationAction
from examples.forum.models.reputation import Acceptance, Award, Vote

__all__ = [
    "BODY_MAX_LENGTH",
    "REASON_MAX_LENGTH",
    "TITLE_MAX_LENGTH",
    "Acceptance",
    "Analysis",
    "Award",
    "Collection",
    "Document",
    "Export",
    "Extract",
    "Job",
    "Message",
    "ModerationAction",
    "Thread",
    "Vote",
    "thread_topic",
]
