"""One module for each area of figures; each has `measure(console) -> Iterator[Figure]`, on a ground of the run's own.

poster.py     what the request waits for                  expansion.py  an audience into batches
persist.py    batches into rows                           publish.py    rows onto the channel layer
whole.py      from the commit to the last socket          lanes.py      a mention during a burst
small.py      events of one recipient                     latency.py    one event on an idle system
growth.py     inboxes that have grown                     edge.py       sockets, frames and memory of one edge
scale.py      what each part computes, and several workers and edges against what that predicts
"""
