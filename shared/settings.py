"""The environment, typed.

Enters: environment variables. Leaves: one frozen `Settings`, read once a process by `load()`. Everything that an
operator can set stands here, with its meaning and its default; Django's settings modules (the web app's and the
edge's) are built from it. A value that cannot be used is refused at start with a message that says what to do.
"""

import re
from functools import cache
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared import database
from shared.sentinel import watched

#: Only ever accepted with CLARION_DEBUG=1. Long enough for HS256 not to warn.
DEVELOPMENT_SECRET = "development-only-secret-never-used-in-production"  # noqa: S105

#: HS256 needs a key at least as long as its digest (RFC 7518, 3.2).
SECRET_KEY_MIN_BYTES = 32

#: A token of a service, with the service's name where it has one. Base64 may end with `=`, so a token follows a name.
_SERVICE = re.compile(r"(?:(?P<name>[a-z][a-z0-9_-]{0,31})=(?=[^=]))?(?P<token>.*)", re.DOTALL)

#: Written with commas between their parts.
LISTS = (
    "channel_layer_url",
    "secret_key_fallbacks",
    "jwt_keys",
    "allowed_hosts",
    "allowed_origins",
    "service_tokens",
    "jwt_subprotocols",
)

#: A comma inside of a URL, as in a password, separates nothing.
_BETWEEN_URLS = re.compile(r",\s*(?=[a-z][a-z0-9+.-]*://)", re.IGNORECASE)
#: Schemes of URLs that name a host.
_WITH_HOST = ("redis", "rediss", "amqp", "amqps", "pyamqp")


class Settings(BaseSettings):
    """Every variable, its meaning and its default. Names in the environment are upper case."""

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
        SecretStr(DEVELOPMENT_SECRET), description="Signs sessions and, unless CLARION_JWT_KEYS is set, socket tokens."
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
    user_id_column: str = Field("id", description="Its primary key, a bigint or integer.")
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
        None, description="Port of Flower as operators see it, for a link from the demo's page of bursts."
    )
    metrics_port: int | None = Field(None, description="Where a worker answers Prometheus; unset: nowhere.")
    metrics_address: str = Field("127.0.0.1", description="The address of that port.")
    drain_file: str | None = Field(
        None, description="While this file is there, web says that it is not well, so that a load balancer leaves it."
    )
    beat_file: str | None = Field(
        None, description="A file that beat touches with each task it has given to the broker, for a health check."
    )
    log_level: str = Field("INFO", description="Threshold of the JSON logs.")

    @field_validator(*LISTS, mode="before")
    @classmethod
    def _split(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return value
        parts = _BETWEEN_URLS.split(value) if info.field_name == "channel_layer_url" else value.split(",")
        return tuple(part.strip() for part in parts if part.strip())

    @field_validator("database_url")
    @classmethod
    def _names_a_database(cls, value: str) -> str:
        database.parse(value)
        return value

    @model_validator(mode="after")
    def _no_default_secret_in_production(self) -> Self:
        secret = self.secret_key.get_secret_value()
        if not self.debug and secret == DEVELOPMENT_SECRET:
            raise ValueError("CLARION_SECRET_KEY is not set: give it a random value of 50 characters or more")
        for key in (*self.signing_keys, *(token for _, token in self.services)):
            if len(key.encode()) < SECRET_KEY_MIN_BYTES:
                raise ValueError(
                    f"a signing key or service token is shorter than {SECRET_KEY_MIN_BYTES} bytes: use a longer one"
                )
        return self

    @model_validator(mode="after")
    def _subjects_have_one_column(self) -> Self:
        if self.jwt_user_column and self.jwt_user_claim == "sub":
            raise ValueError("CLARION_JWT_USER_COLUMN needs CLARION_JWT_USER_CLAIM: `sub` is the id of a user")
        if self.jwks_url is not None and self.jwt_user_column not in ("", self.jwks_user_column):
            raise ValueError("CLARION_JWT_USER_COLUMN and CLARION_JWKS_USER_COLUMN must name the same column")
        return self

    @property
    def subject_column(self) -> str:
        """The column that a claim is matched with where it is not the id; empty if there is none."""
        return self.jwks_user_column if self.jwks_url is not None else self.jwt_user_column

    @model_validator(mode="after")
    def _tokens_are_distinguished(self) -> Self:
        if not self.jwt_audience and not self.jwt_keys:
            raise ValueError(
                "CLARION_JWT_AUDIENCE is empty and CLARION_JWT_KEYS is not set: any JWT that the web app signs with "
                "CLARION_SECRET_KEY would open sockets; set one of them"
            )
        return self

    @model_validator(mode="after")
    def _hosts_are_named(self) -> Self:
        layer = (("CHANNEL_LAYER_URL", url) for url in self.channel_layer_url)
        named = [("CLARION_BROKER_URL", self.broker_url), *layer]
        for name, url in named:
            if watched(url.get_secret_value()) is None and not _has_a_host(url.get_secret_value()):
                raise ValueError(f"{name} names no host: percent-encode #, / and ? of its password (%23, %2F, %3F)")
        return self

    @model_validator(mode="after")
    def _provider_is_told_apart(self) -> Self:
        if self.jwks_url is not None:
            if not self.jwks_url.startswith(("https://", "http://")):
                raise ValueError("CLARION_JWKS_URL must begin with https:// (or http://, inside a network of your own)")
            if self.jwks_audience is None and self.jwks_issuer is None:
                raise ValueError(
                    "CLARION_JWKS_URL is set, but neither CLARION_JWKS_AUDIENCE nor CLARION_JWKS_ISSUER: set at least "
                    "one, or tokens that the provider gave to other applications would open sockets here"
                )
        return self

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The secret key and its fallbacks."""
        return tuple(key.get_secret_value() for key in (self.secret_key, *self.secret_key_fallbacks))

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """HS256 keys, the one that signs first."""
        return tuple(key.get_secret_value() for key in self.jwt_keys) or self.secret_keys

    @property
    def services(self) -> tuple[tuple[str, str], ...]:
        """Name and token of each service that may record events; the name is empty where none is given."""
        parts = (_SERVICE.fullmatch(token.get_secret_value()) for token in self.service_tokens)
        return tuple((part["name"] or "", part["token"]) for part in parts if part is not None)

    @property
    def conninfo(self) -> str:
        """Postgres for a connection that is not Django's."""
        return database.parse(self.database_url).conninfo

    def django_database(self) -> dict[str, Any]:
        """Return the entry for Django's `DATABASES["default"]`."""
        return database.parse(self.database_url).for_django

    def django_channel_layers(self) -> dict[str, Any]:
        """Django's `CHANNEL_LAYERS`."""
        return {
            "default": {
                "BACKEND": "shared.layer.ClarionChannelLayer",
                "CONFIG": {
                    "hosts": [_layer_host(url.get_secret_value()) for url in self.channel_layer_url],
                    "prefix": self.channel_layer_prefix,
                    "per_installation": True,
                },
            }
        }


def _layer_host(url: str) -> str | dict[str, Any]:
    found = watched(url)
    return url if found is None else found.for_the_layer()


def _has_a_host(url: str) -> bool:
    """Whether a URL can be taken apart; of a scheme without a host, that is for its client to find out."""
    try:
        parts = urlsplit(url)
        return parts.scheme not in _WITH_HOST or (bool(parts.hostname) and parts.port != 0 and not parts.fragment)
    except ValueError:  # a port that is no number
        return False


@cache
def load() -> Settings:
    """This process's settings, read once."""
    return Settings()
