"""What the README's figures come from.

bench.py      `make bench`: figures beside peers and limits, area by area; results.json is what the last run measured
areas/        what is measured                 peers/        what it is measured against
testbed.py    servers of the run's own         sockets.py    a crowd of cheap sockets
processors.py processor time of each part     figures.py    medians, bounds, the table
report.py     the documents that quote them    sizing.py     what an installation needs, calculated
burst.py      `make burst`: one message to many people, against the running stack
lanes.py      `make lanes`: a mention while a burst is worked off, beside an idle system
running.py    the running stack, as benchmarks use it
memory.py     what the workers hold meanwhile
"""
