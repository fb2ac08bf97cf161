"""The long SQL statements of the pipeline: one file each, with a comment for each CTE.

`fan_out.sql`                  audiences of an event into announcements and batches
`lock_inboxes.sql`             lock the inboxes of batches
`create_inboxes.sql`           create the missing inboxes of batches
`assign_seq_and_insert.sql`    store a batch of a plain kind: assign each seq, insert the notifications
`assign_seq_and_collapse.sql`  the same for batches with kinds that collapse
`record_event.sql`             insert an event into the outbox, once for each key
`reserve_turn.sql`             rate limit of a kind: reserve the next turn of an actor
`split_batch.sql`              move recipients with locked inboxes to batches of their own
`mark_all_read.sql`            mark the notifications of an inbox as read, up to a seq
`mark_some_read.sql`           the same for those of a topic or a kind, a chunk of them
`empty_inbox.sql`              erasure: remove all rows of an inbox
`forget_actor.sql`             erasure: remove the name of an actor from collapsed notifications
`rename_actor.sql`             a new key of a user: replace it in collapsed notifications
`purge_events.sql`             retention: remove finished events, keep their keys
`old_announcements.sql`        retention: find announcements whose notifications are too old
`purge_notifications.sql`      retention: remove notifications
`purge_changes.sql`            retention: remove changes of the log

Values are parameters, such as `%(event)s`. A name in braces stands for a fragment of SQL made of constants, which the
module that executes the statement fills in with `str.format`.
"""

import re
from pathlib import Path

_COMMENT = re.compile(r"^\s*--.*\n|[ \t]*--.*$", re.MULTILINE)


def load(name: str) -> str:
    """Return the statement in `name`.sql without its comments."""
    return _COMMENT.sub("", Path(__file__).with_name(f"{name}.sql").read_text())
