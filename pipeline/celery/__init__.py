"""Celery: the app of Clarion, and the parts of Celery that it configures or replaces.

app.py        the app: queues, routes, limits, the schedule
queues.py     the queues, and the tasks that are routed to them
hints.py      hints for the broker, with a bounded wait
transport.py  the connections to Redis as a broker
scheduler.py  beat's schedule, with a clock for each entry
consumer.py   Celery's consumer, which malformed messages do not end
malformed.py  malformed messages: logged, counted, dropped
redaction.py  redacted task arguments in events and logs
"""

from .app import app

__all__ = ["app"]
