"""Everything that decides, writes or publishes: the way from an event to the sockets of those it concerns.

delivery.py    the stages in order: read this first
events.py      declare an event                audiences.py   declare who hears of it, as what
outbox/        record an event; claim, finish, fail and sweep the work that follows from it
limits.py      how much one actor may tell     kinds.py       declare a kind and its rules
recipients.py  audiences into batches, in SQL: precedence, actor, mutes
persist.py     one transaction a batch: dedupe, insert, seq, unread
publish.py     rows into frames, frames to the channel layer, in bulk
inbox/         what a user does: read, unread, delete, mute; each published like any change
api/           the HTTP face                   notices.py     tell people by name, for services
access.py      who may listen no more         presence.py    who is connected at this moment
maintenance.py retention and purge             tracing.py     the W3C trace context
health/        for operators, in Django's admin: what is wrong, how far behind, what is stuck, what to do about it
backlog.py     how far behind it all is      checks.py      the traps that `manage.py check` finds
tasks.py       the Celery tasks: ids in, one call to delivery; shown.py  what operators see of their arguments
enqueue.py     hints for the broker, with a bounded wait
queues.py      the queues and what is routed to them
celery.py      the Celery app                  broker.py      its way to Redis
consumer.py    no message ends a worker        beat.py        a clock that is set back does not stop it
statements.py  what is asked of Postgres for each event, prepared
names.py       the name that users are shown by
errors.py      Retryable and Permanent

record(event) ─► expand ─► [batches] ─► deliver ─► persist ─► publish ─► channel layer ─► edge
"""
