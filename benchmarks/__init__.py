"""What the README's figures come from.

bench.py      `make bench`: figures beside peers and limits, area by area; results.json is what the last run measured
areas/        what is measured                 peers/        what it is measured against
ground.py     servers of the run's own         sockets.py    a crowd of cheap sockets
figures.py    medians, bounds, the table
burst.py      `make burst`: one message to many people, against the running stack
lanes.py      `make lanes`: a mention while a burst is worked off, beside an idle system
running.py    the running stack, as benchmarks use it
memory.py     what the workers hold meanwhile
"""
