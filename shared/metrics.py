"""Every metric: name, unit, meaning. Prometheus counters, gauges and histograms, kept by each process.

The edge answers them at `/metrics`, a worker on its `CLARION_METRICS_PORT`, the web app at `/api/metrics` to staff
and services.
"""

from prometheus_client import Counter, Gauge, Histogram

#: From idle to a backlog that people complain of (seconds).
LAG_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)

EVENTS_RECORDED = Counter("clarion_events_recorded_total", "Events recorded in the outbox", ["event"])
ENQUEUE_FAILED = Counter(
    "clarion_enqueue_failed_total", "Tasks that the broker did not take in time; the sweep enqueues them", ["task"]
)
MESSAGES_REFUSED = Counter(
    "clarion_messages_refused_total", "Messages on the broker that could not be decoded, and were dropped"
)
MESSAGES_REJECTED = Counter(
    "clarion_messages_rejected_total", "Messages of services that could not be recorded, and were kept as events"
)
WORK_FINISHED = Counter("clarion_work_finished_total", "Events and batches worked off, by outcome", ["work", "outcome"])
LIMITED = Counter(
    "clarion_limited_total", "Events of an actor over a kind's limit, by what became of them", ["kind", "over"]
)
NOTIFICATIONS_STORED = Counter("clarion_notifications_stored_total", "Notification rows inserted")
FRAMES_PUBLISHED = Counter("clarion_frames_published_total", "Frames published to the channel layer")
PUBLISH_FAILED = Counter("clarion_publish_failed_total", "Publishes that failed; sockets are repaired from Postgres")
BATCH_SECONDS = Histogram("clarion_batch_seconds", "Seconds from claiming work to having published it", ["work"])

UNFINISHED = Gauge("clarion_unfinished", "Events and batches that are not done, by state", ["work", "state"])
OLDEST_SECONDS = Gauge("clarion_oldest_seconds", "Age of the oldest work that waits on a queue", ["queue"])
QUEUE_DEPTH = Gauge("clarion_queue_depth", "Hints that lie on a queue of the broker", ["queue"])
BROKER_UP = Gauge("clarion_broker_up", "Whether the broker said so when it was last asked")

SOCKETS = Gauge("clarion_edge_sockets", "Open sockets of this edge process")
CONNECTS = Counter("clarion_edge_connects_total", "Sockets accepted, by whether they resumed a cursor", ["resumed"])
CLOSES = Counter("clarion_edge_closes_total", "Sockets closed, by close code", ["code"])
AUTH_FAILURES = Counter("clarion_edge_auth_failures_total", "Refused authentications", ["reason"])
AUTH_UNAVAILABLE = Counter(
    "clarion_edge_auth_unavailable_total",
    "Authentications that could not be checked, by the dependency that was away",
    ["dependency"],
)
JWKS_FETCHES = Counter("clarion_edge_jwks_fetches_total", "Fetches of an identity provider's keys", ["outcome"])
FRAMES_SENT = Counter("clarion_edge_frames_total", "Frames sent to sockets", ["source"])
GAPS = Counter("clarion_edge_gaps_total", "Gaps in a stream that stragglers did not fill")
REPAIRS = Counter("clarion_edge_repairs_total", "Reads of Postgres to repair a stream", ["cause"])
REPAIRS_FAILED = Counter("clarion_edge_repairs_failed_total", "Repairs that Postgres did not answer; tried again")
RESYNCS = Counter("clarion_edge_resyncs_total", "Sockets told to read the snapshot", ["reason"])
PARKED = Counter("clarion_edge_parked_total", "Times a socket had no credit and was parked")
REFUSED = Counter("clarion_edge_refused_total", "Sockets turned away, by the limit that they were over", ["limit"])
MESSAGES_IGNORED = Counter("clarion_edge_messages_ignored_total", "Inbound messages that say nothing", ["why"])
LAG = Histogram(
    "clarion_edge_lag_seconds",
    "Seconds from recording an event to sending its frame, of one live frame in ten",
    buckets=LAG_BUCKETS,
)
ACK_LAG = Histogram(
    "clarion_edge_ack_seconds",
    "Seconds from sending to its acknowledgement, of one frame a socket at a time",
    buckets=LAG_BUCKETS,
)
LAYER_RECONNECTS = Counter("clarion_layer_reconnects_total", "Times the subscriber lost its Redis and came back")
LAYER_DROPPED = Counter("clarion_layer_dropped_total", "Messages dropped because a consumer's queue was full")
LAYER_SKIPPED = Counter(
    "clarion_layer_skipped_total", "Frames beyond the read-ahead of the subscriber; sockets read them from Postgres"
)
LAYER_IGNORED = Counter(
    "clarion_layer_ignored_total", "Messages on the channel layer that are malformed or of an unknown type"
)
