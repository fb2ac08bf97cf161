"""The writing side: from an event to rows in inboxes and frames on the channel layer.

delivery.py    the stages in order: read this first

events.py      declare an event                 audiences.py   declare its recipients, for each kind
kinds.py       declare a kind and its rules     limits.py      rate limits of kinds
adhoc.py       notify by ids or a named audience, for services
inbound.py     events that services send as Celery messages
json_values.py values of an application as JSON that Postgres can hold
names.py       the name that users are shown by
persons.py     users by their keys, and the numbers of their inboxes

outbox/        record an event; claim, finish, fail and sweep the work that follows from it
fanout.py      audiences into batches, in SQL: precedence, actor, mutes
persist.py     one transaction for each batch: insert, seq, unread
epoch.py       a new epoch after a failover
publish.py     rows into frames, frames to the channel layer, in bulk
prepared.py    the prepared statements of delivery
sql/           the long SQL statements, one file each

inbox/         actions of users: read, unread, delete, mute; each published like any change
api/           the HTTP API                     revocation.py  revoking access
presence.py    the users who are connected      tracing.py     the W3C trace context

retention.py   retention in slices              expiry.py      its steps: the rows that each removes
backlog.py     the length and age of the queues checks.py      the system checks
dashboard/     the operators' page in Django's admin
doctor/        reasons why notifications do not arrive
edge_environment.py  the environment of the project's edges

apps.py        the Django app                  models.py     its models, from outbox/
admin.py       its pages in the admin          management/   its commands
tasks.py       the Celery tasks: an id in, one call to delivery
celery/        the Celery app, its queues and hints, and the parts of Celery that it replaces
errors.py      errors, and the database errors that pass

record(event) ─► expand ─► [batches] ─► deliver ─► persist ─► publish ─► channel layer ─► edge
"""
