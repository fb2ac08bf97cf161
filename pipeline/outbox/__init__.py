"""The outbox: every event and batch still to be worked off, in Postgres, the queue of record.

    recording.py   record(event): one row in the caller's transaction, enqueued on commit
    work.py        the life of a piece of work: start, claim, finish
    busy.py        move recipients with locked inboxes to batches of their own
    failures.py    a failure recorded on its row, and when the work is tried again or parked
    sweep.py       re-enqueue what is due and unfinished
    dead_letters.py  replay or discard what was parked
    pauses.py      kinds that nobody is told of for now, and what waits for them
    story.py       what happened to one event, when
    models.py      Event, Batch and the smaller tables

A message on the broker is only a hint that one of these rows is there.
"""
