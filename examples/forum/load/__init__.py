"""The load of the page of operators: events to a few generated users, whose sockets count the arrivals.

`make run` starts it as `python -m examples.forum.load` when the page asks for it, and it ends by itself.

tally.py       the counts: recorded, delivered, on the way, lost, repeated, out of order
recorder.py    records the events, and retries while Postgres is away
follower.py    a user's socket, by the real Python client
__main__.py    both for a minute, and the report of the counts to the runner
"""
