"""One module for each area of figures; each has `measure(console) -> Iterator[Figure]`, on a ground of the run's own.

edge.py    what one edge process sends, holds and accepts, beside bare servers and the stock layer and consumer
"""
