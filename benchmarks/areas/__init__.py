"""One module for each area of figures; each has `measure(console) -> Iterator[Figure]` and runs on the testbed.

request_latency.py  the wait of the request          expansion.py     an audience into batches
persist.py          batches into rows                publish.py       rows onto the channel layer
end_to_end.py       from commit to the last socket   lanes.py         a mention during a burst
small_events.py     events of one recipient          latency.py       one event on an idle system
growth.py           inboxes that have grown          edge.py          sockets, frames and memory of one edge
keys.py             users with UUID keys, relative to integer keys
scale.py            processor time of each part, and several workers and edges against the prediction from it
"""

#: In the order in which they are measured and shown.
AREAS = (
    "request_latency", "expansion", "persist", "publish", "end_to_end", "lanes", "small_events", "latency", "growth",
    "edge", "keys", "scale",
)  # fmt: skip

#: Of the kinds of the demo: one that stores a row for each recipient and nothing else, and one that collapses, so that
#: it also looks up and moves the unread notification of each recipient.
PLAIN, COLLAPSING = "THREAD_LOCKED", "THREAD_REPLY"
KINDS = {COLLAPSING: f"{COLLAPSING}, collapses", PLAIN: f"{PLAIN}, does not collapse"}
