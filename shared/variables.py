"""The variables of the environment, each with its meaning and its default: the list that operators read.

settings.py checks them and derives Django's settings from them.
"""

from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .user_keys import KeyType

#: Only with CLARION_DEBUG=1, and where no other is set. Long enough for HS256 not to warn.
DEVELOPMENT_SECRET = "development-only-secret-never-used-in-production"  # noqa: S105


class Variables(BaseSettings):
    """Every variable. Names in the environment are upper case."""

    model_config = SettingsConfigDict(env_prefix="CLARION_", frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = Field(
        "postgresql://postgres@127.0.0.1:5432/clarion",
        validation_alias="DATABASE_URL",
        repr=False,
        description="Postgres, the queue of record and every inbox. PgBouncer in transaction mode will do.",
    )
    broker_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        # The second is the old name, which Celery's command line reads too and gives to whichever app it runs.
        validation_alias=AliasChoices("CLARION_BROKER_URL", "BROKER_URL"),
        description="The broker of Clarion's Celery app. A hint that it loses is given again by the sweep.",
    )
    broker_key_prefix: str = Field(
        "clarion:", description="First part of every key on a Redis that is the broker. Your own Celery may use it too."
    )
    channel_layer_url: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (SecretStr("redis://127.0.0.1:6379/1"),),
        validation_alias="CHANNEL_LAYER_URL",
        description="The channel layer's Redis; several, separated by commas, share the groups between them.",
    )
    channel_layer_prefix: str = Field(
        "clarion",
        description="First part of every channel name on that Redis; the identity of the installation follows it.",
    )

    debug: bool = Field(False, description="Development: tracebacks in pages, the development secret allowed.")
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Signs sessions and, unless CLARION_JWT_KEYS is set, socket tokens. Unset in a Django project: "
        "its SECRET_KEY and SECRET_KEY_FALLBACKS.",
    )
    secret_key_fallbacks: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Former secret keys, separated by commas: they verify, and sign nothing (rotation)."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("localhost", "127.0.0.1", "[::1]"), description="Host names the web app answers to, separated by commas."
    )

    jwt_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="HS256 keys, separated by commas: the first signs, all verify (rotation)."
    )
    jwt_audience: str = Field(
        "clarion", description="`aud` that a token must have; empty, with CLARION_JWT_KEYS only: it is not checked."
    )
    jwt_issuer: str | None = Field(None, description="`iss` that a token must have, where set.")
    jwt_user_claim: str = Field(
        "sub", description="The claim of a token that names the user; `sub` is always the id and counts without it."
    )
    jwt_user_column: str = Field(
        "", description="The column of the table of users that this claim is matched with; empty: it is the id."
    )
    jwt_subprotocols: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Names of other clients' subprotocols after which a socket token is offered, as `forum.jwt.v1`."
    )
    jwt_lifetime_seconds: int = Field(3600, ge=10, description="How long a minted socket token is valid.")

    jwks_url: str | None = Field(
        None,
        description="An identity provider's public keys; its RS256 and ES256 tokens open sockets and the API.",
    )
    jwks_audience: str | None = Field(None, description="`aud` that its tokens must have.")
    jwks_issuer: str | None = Field(None, description="`iss` that its tokens must have.")
    jwks_user_claim: str = Field("sub", description="The claim of its tokens that names the user.")
    jwks_user_column: str = Field(
        "username", description="The column of the table of users, of text, unique, that this claim is matched with."
    )
    jwks_email_verified: bool = Field(
        True, description="Where an e-mail address names the user, its tokens must say `email_verified: true`."
    )
    jwks_cache_seconds: float = Field(3600, ge=10, description="How long its keys are kept before they are read anew.")

    session_cookie: str = Field("sessionid", description="The web app's session cookie, which opens sockets too.")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins besides its own host from which the edge takes that cookie, separated by commas."
    )
    service_tokens: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Tokens of services that may record events, separated by commas; 32 bytes or more each. "
        "`billing=<token>` gives the service a name, and so idempotency keys and rate control of its own.",
    )

    user_table: str = Field(
        "auth_user",
        description="The table of users that the edge looks up at connect, with its schema where it needs one.",
    )
    user_id_column: str = Field("id", description="Its primary key.")
    user_key: KeyType = Field(
        KeyType.INTEGER, description="The type of its primary key: `integer` (of any size), `uuid` or `text`."
    )
    username_column: str = Field(
        "username", description="The name that users are shown by, in notifications and everywhere else; empty: none."
    )
    user_active_column: str = Field("is_active", description="Whether the user may connect; empty: all may.")

    heartbeat_seconds: int = Field(30, ge=1, description="How often a client should send a heartbeat.")
    #: Browsers run the timers of a hidden tab once a minute.
    silent_seconds: int = Field(
        75, ge=1, description="A socket without a message is closed after this time, or after 2.5 heartbeats if longer."
    )
    replay_limit: int = Field(1000, ge=1, description="Changes replayed to one socket; further behind is a RESYNC.")
    straggler_milliseconds: int = Field(
        40, ge=0, description="How long a gap may wait for its missing frame before it is read from Postgres."
    )
    repair_concurrency: int = Field(8, ge=1, description="Reads of Postgres that one edge process makes at once.")
    quiet_loss_seconds: float = Field(
        25, gt=0, description="How often an edge compares its sockets' seqs with Postgres."
    )
    database_timeout_seconds: float = Field(5, gt=0, description="Longest wait of the edge for one read of Postgres.")
    credit_frames: int = Field(
        400, ge=8, description="Frames a socket may have unacknowledged, once its client acknowledges."
    )
    credit_bytes: int = Field(1_000_000, ge=65_536, description="And bytes.")
    parked_seconds: float = Field(60, gt=0, description="How long a socket without credit is kept before it is closed.")
    connections_per_user: int = Field(
        30, ge=1, description="Sockets of one user on one edge process; one more closes the quietest."
    )
    connections_per_address: int = Field(50_000, ge=1, description="Sockets of one address on one edge.")
    connects_per_minute: int = Field(60_000, ge=1, description="Connects of one address to one edge.")
    trusted_proxies: int = Field(
        0,
        ge=0,
        description="Proxies of your own in front of the edges: limits count the address that X-Forwarded-For has so "
        "many entries from its end.",
    )
    refusal_delay_seconds: float = Field(
        30,
        ge=0,
        description="Longest delay of the answer to a refusal that repeats for one address and token; 0: none.",
    )
    handshake_seconds: float = Field(
        10, gt=0, description="How long a connection to an edge may take to send a request, the first or the next."
    )
    socket_age_seconds: float = Field(24 * 3600, gt=0, description="Age at which a socket must show a new token.")
    edge_name: str | None = Field(
        None, description="What operators call this edge; unset: its machine and the number of its process."
    )
    drain_seconds: float = Field(5, ge=0, description="Over how long a stopping edge closes its sockets.")
    message_bytes: int = Field(
        16_384, ge=1024, description="Largest inbound message of a socket: at least as large as its longest token."
    )
    messages_per_minute: int = Field(
        120, ge=1, description="Inbound frames of one socket in a minute (messages, fragments, pings, pongs)."
    )

    batch_size: int = Field(2000, ge=1, description="Recipients of one batch: one transaction, one publish.")
    deliver_at_once: int = Field(
        200, ge=0, description="An event with at most so many recipients is delivered by the task that expanded it."
    )
    sweep_after_seconds: float = Field(
        10,
        gt=0,
        description="How long a hint has before the sweep gives it again; a batch in a queue thrice.",
    )
    retention_days: int = Field(
        90, ge=1, description="Days after which read notifications go, unless their kind says otherwise."
    )
    outbox_retention_days: int = Field(7, ge=1, description="Days after which finished events are removed.")
    unread_retention_days: int = Field(
        365, ge=1, description="Days after which notifications are removed that were never read."
    )
    unread_max: int = Field(
        100_000, ge=1, description="Unread notifications of one user; the oldest beyond it are removed once a day."
    )
    key_retention_days: int = Field(
        365, ge=1, description="Days for which an idempotency key is remembered, also after its event was removed."
    )
    storm_limit: int = Field(
        20, ge=1, description="Notifications to one person within the window after which further ones are `quiet`."
    )
    storm_seconds: float = Field(10, gt=0, description="Length of that window.")
    crowding_limit: int = Field(
        50, ge=1, description="Events of one source within the window after which further ones take the bursts lane."
    )
    crowding_seconds: float = Field(10, gt=0, description="Length of that window.")
    broker_wait_seconds: float = Field(
        1, gt=0, description="Longest wait of a request for the broker; the sweep delivers what was not enqueued."
    )

    public_edge_port: int | None = Field(
        None, description="Port of the edge as browsers see it; unset when it shares the web app's address."
    )
    public_flower_port: int | None = Field(
        None, description="Port of Flower as operators see it, for a link in the operators' menu."
    )
    grafana_url: str | None = Field(None, description="Address of Grafana, for a link in the operators' menu.")
    metrics_port: int | None = Field(None, description="Where a worker answers Prometheus; unset: nowhere.")
    metrics_address: str = Field("127.0.0.1", description="The address of that port.")
    drain_file: str | None = Field(
        None, description="While this file is there, web says that it is not well, so that a load balancer leaves it."
    )
    beat_file: str | None = Field(
        None, description="A file that beat touches with each task it has given to the broker, for a health check."
    )
    log_level: str = Field("INFO", description="Threshold of the JSON logs.")
