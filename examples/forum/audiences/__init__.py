"""The audiences of the forum's events, in order of precedence.

Input: an event. Output: its audiences, as querysets of user ids that are composed into SQL and never read here, each
with all that a page needs to show it. An event whose subject is gone has no audience.

messages.py    a message was posted
reputation.py  it was voted for, accepted; a badge was awarded
moderation.py  a thread was locked, pinned, deleted; a message deleted; and back
jobs.py        a job was done, or failed
services.py    audiences that other services may name
people.py      the querysets they share
"""

from examples.forum.audiences import jobs, moderation, reputation, services
from examples.forum.audiences.messages import message_posted

__all__ = ["jobs", "message_posted", "moderation", "reputation", "services"]
