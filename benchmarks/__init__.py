"""Measurements, the source of the figures in README.

bench.py      `make bench`: figures relative to peers and limits, by area; results.json holds those of the last run
areas/        the measurements                 peers/        the systems that are compared
testbed.py    servers of the run's own         sockets.py    a crowd of cheap sockets
processors.py processor time of each part     figures.py    medians, bounds, the table
report.py     the documents that quote them    sizing.py     the size of an installation, calculated
burst.py      `make burst`: one message to many people, against the running stack
lanes.py      `make lanes`: the latency of a mention during a burst, relative to an idle system
running.py    the running stack, as benchmarks use it
memory.py     the memory of the workers meanwhile
"""
