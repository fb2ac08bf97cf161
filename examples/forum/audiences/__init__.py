"""Who hears of what happens in the forum, as what, in order of precedence.

Enters: an event. Leaves: its audiences, as querysets of user ids that are composed into SQL and never read here, each
with all that a page needs to show it. An event whose subject is gone tells nobody.

writing.py     a message was posted
esteem.py      it was voted for, accepted; a badge was awarded
moderation.py  a thread was locked, pinned, deleted; a message deleted; and back
jobs.py        a job was done, or failed
services.py    audiences that other services may name
people.py      the querysets they share
"""

from examples.forum.audiences import esteem, jobs, moderation, services
from examples.forum.audiences.writing import message_posted

__all__ = ["esteem", "jobs", "message_posted", "moderation", "services"]
