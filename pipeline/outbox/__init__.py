"""The outbox: the events and batches in Postgres, which is the queue of record.

    recording.py   record(event): one row in the caller's transaction, enqueued on commit
    work.py        the life of a piece of work: start, claim, finish
    busy.py        move recipients with locked inboxes to batches of their own
    failures.py    records a failure on its row; retry, or dead letter
    sweep.py       enqueues unfinished work that is due
    dead_letters.py  replay or discard failed work
    pauses.py      paused kinds, and the events that wait for them
    timeline.py    the history of one event
    models.py      Event, Batch and the smaller tables

A message on the broker is only a hint that one of these rows is there.
"""
