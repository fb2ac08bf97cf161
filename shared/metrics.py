"""Every metric: name, unit, meaning. Prometheus counters, gauges and histograms, kept by each process.

The edge answers them at `/metrics`, a worker on its `CLARION_METRICS_PORT`, the web app at `/api/metrics` to staff
and services.
"""

from prometheus_client import Counter, Gauge, Histogram

#: From idle to a backlog that people complain of (seconds).
LAG_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)

EVENTS_RECORDED = Counter("clarion_events_recorded_total", "Events recorded in the outbox", ["event"])
ENQUEUE_FAILED = Counter(
    "clarion_enqueue_failed_total", "Tasks that the broker did not accept in time; the sweep enqueues them", ["task"]
)
MESSAGES_REFUSED = Counter("clarion_messages_refused_total", "Undecodable messages from the broker that were dropped")
MESSAGES_REJECTED = Counter(
    "clarion_messages_rejected_total", "Rejected messages of services, stored as events to retry"
)
WORK_FINISHED = Counter("clarion_work_finished_total", "Finished events and batches, by outcome", ["work", "outcome"])
LIMITED = Counter(
    "clarion_limited_total",
    "Events beyond an actor's limit of a kind, by action: deferred or dropped",
    ["kind", "over"],
)
NOTIFICATIONS_STORED = Counter("clarion_notifications_stored_total", "Notification rows inserted")
FRAMES_PUBLISHED = Counter("clarion_frames_published_total", "Frames published to the channel layer")
PUBLISH_FAILED = Counter("clarion_publish_failed_total", "Failed publishes; edges read the frames from Postgres")
BATCH_SECONDS = Histogram("clarion_batch_seconds", "Seconds from claiming work to its last publish", ["work"])

UNFINISHED = Gauge("clarion_unfinished", "Unfinished events and batches, by state", ["work", "state"])
OLDEST_SECONDS = Gauge("clarion_oldest_seconds", "Age of the oldest pending work of a queue (seconds)", ["queue"])
QUEUE_DEPTH = Gauge("clarion_queue_depth", "Messages on a queue of the broker", ["queue"])
BROKER_UP = Gauge("clarion_broker_up", "1 if the broker answered the last health check")

SOCKETS = Gauge("clarion_edge_sockets", "Open sockets of this edge process")
CONNECTS = Counter(
    "clarion_edge_connects_total", "Accepted sockets, by whether they resumed from a cursor", ["resumed"]
)
CLOSES = Counter("clarion_edge_closes_total", "Closed sockets, by close code", ["code"])
AUTH_FAILURES = Counter("clarion_edge_auth_failures_total", "Failed authentications, by reason", ["reason"])
AUTH_UNAVAILABLE = Counter(
    "clarion_edge_auth_unavailable_total",
    "Authentications that could not be checked, by the unavailable dependency",
    ["dependency"],
)
JWKS_FETCHES = Counter(
    "clarion_edge_jwks_fetches_total", "Fetches of the identity provider's keys, by outcome", ["outcome"]
)
FRAMES_SENT = Counter("clarion_edge_frames_total", "Frames sent to sockets, by source: live or repair", ["source"])
GAPS = Counter("clarion_edge_gaps_total", "Gaps in a stream that late frames did not fill")
REPAIRS = Counter("clarion_edge_repairs_total", "Reads of Postgres to repair a stream, by cause", ["cause"])
REPAIRS_FAILED = Counter("clarion_edge_repairs_failed_total", "Repairs that Postgres did not answer; they are retried")
RESYNCS = Counter(
    "clarion_edge_resyncs_total", "RESYNC frames, which make a client read a snapshot, by reason", ["reason"]
)
PARKED = Counter("clarion_edge_parked_total", "Sockets parked for want of credit")
REFUSED = Counter("clarion_edge_refused_total", "Rejected sockets, by the exceeded limit", ["limit"])
MESSAGES_IGNORED = Counter(
    "clarion_edge_messages_ignored_total", "Ignored messages of clients, by reason: malformed or unknown", ["why"]
)
LAG = Histogram(
    "clarion_edge_lag_seconds",
    "Seconds from recording an event to sending its frame, for every tenth live frame",
    buckets=LAG_BUCKETS,
)
ACK_LAG = Histogram(
    "clarion_edge_ack_seconds",
    "Seconds from sending a frame to its acknowledgement, for one frame of a socket at a time",
    buckets=LAG_BUCKETS,
)
LAYER_RECONNECTS = Counter("clarion_layer_reconnects_total", "Reconnects of the subscriber to its Redis")
LAYER_DROPPED = Counter("clarion_layer_dropped_total", "Messages dropped because a consumer's queue was full")
LAYER_SKIPPED = Counter(
    "clarion_layer_skipped_total", "Frames beyond the subscriber's read-ahead; edges read them from Postgres"
)
LAYER_IGNORED = Counter(
    "clarion_layer_ignored_total", "Messages on the channel layer that are malformed or of an unknown type"
)
