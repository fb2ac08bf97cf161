"""Each part is broken once, and no event may be lost: the real stack, real load, and a checker outside of it.

    stack.py      servers, processes and a load balancer of the harness's own, each pair joined by a link
    proxy.py      a link: a TCP proxy that can be cut, stalled, delayed and healed
    worker.py     a Celery worker that ends itself at a named point of the code
    background.py the event loop in which links, load and followers run
    load.py       events and actions through the web process, and the history of the answers
    followers.py  sockets that keep their cursors, and the history of their frames and state
    evidence.py   the rows of Postgres at the end
    breakages.py  ways to break it that can be combined
    checker.py    compares the histories with that: lost, repeated, out of order, leaked. Pure
    trial.py      one fault: load, break, mend, wait, check, note
    report.py     the table and results.json

Each fault is a test of its own that states the effects on users; any other effect fails it.
"""
