"""What the README's figures come from.

burst.py      `make burst`: one message to many people, against the running stack
lanes.py      `make lanes`: a mention while a burst is worked off, beside an idle system
running.py    the running stack, as benchmarks use it
memory.py     what the workers hold meanwhile
"""
