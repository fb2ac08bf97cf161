"""Django's system checks: settings that pass every test and fail in production.

Input: Django's settings and the Celery app; with `check --database default` Postgres too, with `--deploy` the broker
too. Output: messages that say what to do, listed in docs/operations.md. `pipeline/apps.py` registers them.
"""

import os
import time
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, Final

import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections, models, transaction
from django.utils.module_loading import autodiscover_modules, import_string

from ..shared import user_model
from ..shared.channel_layer import ClarionChannelLayer, channel_layer
from ..shared.output_buffer import is_too_small
from ..shared.settings import SECRET_KEY_MIN_BYTES, get_settings
from .celery.app import app, bounded

TAG: Final = "clarion"

#: Minimum ratio of visibility timeout to time limit. A task that runs longer than the timeout is delivered to a second
#: worker, and the timeout counts from delivery, so prefetched tasks need room too.
VISIBILITY_FACTOR = 2

#: Tolerated difference of clocks (seconds). Beyond it new tokens may count as revoked, and timelines are out of order.
SKEW_SECONDS = 1.0

#: Longest wait for the answers of workers (seconds).
WORKERS_ANSWER_SECONDS = 2.0

#: Connections of Postgres beyond those that one edge and one worker of each lane may use.
SPARE_CONNECTIONS = 10

Messages = list[CheckMessage]


@register(TAG)
def broker(**_: Any) -> Messages:
    """Check the connection to the broker: time-outs, publisher confirms, visibility timeout."""
    options = app.conf.broker_transport_options or {}
    if str(app.conf.broker_write_url).startswith("amqp"):
        if not options.get("confirm_publish"):
            hint = "Set confirm_publish in broker_transport_options."
            return [
                Error(
                    "Publisher confirms of RabbitMQ are off, so a message may be lost unnoticed.",
                    hint,
                    id="clarion.E002",
                )
            ]
        return []
    found: Messages = []
    missing = [name for name in ("socket_timeout", "socket_connect_timeout") if not options.get(name)]
    if missing:
        hint = f"Set {' and '.join(missing)} in broker_transport_options."
        found.append(Error("Without a timeout, a Redis that hangs blocks requests for ever.", hint, id="clarion.E001"))
    limits = [app.conf.task_time_limit, app.conf.task_soft_time_limit]
    limits += [limit for task in app.tasks.values() for limit in (task.time_limit, task.soft_time_limit)]
    longest = max((limit for limit in limits if limit), default=0)
    # Celery's default if it is not set.
    hidden = options.get("visibility_timeout", 3600)
    if hidden < longest * VISIBILITY_FACTOR:
        hint = "Set visibility_timeout in broker_transport_options to at least twice the longest time limit."
        text = f"Redis gives a task to a second worker after {hidden} s, and one may take {longest} s."
        found.append(Error(text, hint, id="clarion.E003"))
    return found


@register(TAG)
def broker_variable(**_: Any) -> Messages:
    """Check that the broker is configured by a variable of Clarion's own."""
    if "BROKER_URL" not in os.environ or "CLARION_BROKER_URL" in os.environ:
        return []
    text = "BROKER_URL is set, and Celery's command line uses it for every app, also for a project's own."
    return [Warning(text, "Rename it to CLARION_BROKER_URL.", id="clarion.W012")]


@register(TAG)
def queues(**_: Any) -> Messages:
    """Check that each task is routed to a declared queue."""
    # Not by Celery's own loader, because that runs the checks at its end.
    import_module("clarion.pipeline.tasks")
    autodiscover_modules("tasks")
    declared = {queue.name for queue in app.conf.task_queues}
    routed = {name: app.amqp.router.route({}, name)["queue"].name for name in app.tasks}
    lost = {name: queue for name, queue in sorted(routed.items()) if queue not in declared}
    hint = "Name its queue in CLARION_TASK_ROUTES, and start a worker on it."
    return [Error(f"The task {name} goes to the queue {queue}, which is not declared.", hint, id="clarion.E004")
            for name, queue in lost.items()]  # fmt: skip


@register(TAG)
def layer(**_: Any) -> Messages:
    """Check that a channel layer of Clarion's in CHANNEL_LAYERS is the one that edges subscribe to."""
    expected = get_settings().django_channel_layers()["default"]["CONFIG"]
    found: Messages = []
    for alias, configured in getattr(settings, "CHANNEL_LAYERS", {}).items():
        try:
            backend = import_string(configured.get("BACKEND", ""))
        except ImportError:
            continue
        if not (isinstance(backend, type) and issubclass(backend, ClarionChannelLayer)):
            continue
        if configured.get("CONFIG") != expected:
            text = f"CHANNEL_LAYERS[{alias!r}] differs from Clarion's settings, which edges follow."
            hint = "Remove it: Clarion makes its layer from CLARION['CHANNEL_LAYER_URL']."
            found.append(Error(text, hint, id="clarion.E006"))
    return found


@register(TAG)
def keys(**_: Any) -> Messages:
    """Check that the edge accepts the sessions and tokens that the web app accepts, also after a key rotation."""
    ours = get_settings().secret_keys
    if len(get_settings().signing_keys[0].encode()) < SECRET_KEY_MIN_BYTES:
        text = f"SECRET_KEY is shorter than {SECRET_KEY_MIN_BYTES} bytes, too short to sign the tokens of sockets."
        return [Error(text, "Use a longer one, or set CLARION['JWT_KEYS'].", id="clarion.E011")]
    if ours[0] != settings.SECRET_KEY or set(settings.SECRET_KEY_FALLBACKS) <= set(ours):
        return []
    hint = "Set CLARION_SECRET_KEY_FALLBACKS to the same keys, for edges too; or SECRET_KEY, *SECRET_KEY_FALLBACKS = "
    hint += "clarion.get_settings().secret_keys."
    text = "SECRET_KEY_FALLBACKS has keys that edges lack, so sessions signed with them open no sockets."
    return [Warning(text, hint, id="clarion.W009")]


@register(TAG)
def pools(**_: Any) -> Messages:
    """Check that connections to Postgres are kept, and that a pool has one for each thread."""
    database = settings.DATABASES["default"]
    found: Messages = []
    if connections["default"].vendor != "postgresql":  # engines of other names may be Postgres, as PostGIS is
        text = f"Clarion needs Postgres as the default database; it is {connections['default'].display_name}."
        hint = "Set ENGINE of DATABASES['default'] to django.db.backends.postgresql, or remove Clarion's apps."
        return [Error(text, hint, id="clarion.E007")]
    pool = database.get("OPTIONS", {}).get("pool")
    if not pool and database.get("CONN_MAX_AGE") == 0:
        hint = "Set CONN_MAX_AGE of DATABASES['default'], for example to 600."
        found.append(Warning("Each task and request opens a new connection to Postgres.", hint, id="clarion.W001"))
    # psycopg_pool's default is four.
    size = (pool.get("max_size") or pool.get("min_size", 4)) if isinstance(pool, dict) else 4
    threads = app.conf.worker_concurrency
    if pool and threads and size < threads:
        hint = "Give OPTIONS['pool'] a max_size of at least worker_concurrency."
        text = f"A worker has {threads} threads, and the pool {size} connections to Postgres."
        found.append(Warning(text, hint, id="clarion.W002"))
    return found


@register(TAG)
def display_names(**_: Any) -> Messages:
    """Check that the name of an actor that recipients see exists and is not an e-mail address."""
    users: Any = get_user_model()
    column = get_settings().username_column
    hint = "Set CLARION_USERNAME_COLUMN to a column with a display name, for workers and edges; or to nothing."
    if not column:
        return []
    found = user_model.name_field()
    if found is None:
        text = f"{users.__name__} has no column {column!r}, so notifications name no actor."
        return [Warning(text, hint, id="clarion.W007")]
    if isinstance(found, models.EmailField) or found.name == users.get_email_field_name():
        text = f"Recipients receive the actor's e-mail address ({column}) as the name."
        return [Warning(text, hint, id="clarion.W008")]
    return []


@register(TAG)
def user_keys(**_: Any) -> Messages:
    """Check that the primary key of the user model is supported, and that CLARION_USER_KEY is its type if it is set."""
    name, found, given = get_user_model().__name__, user_model.supported_type(), get_settings().user_key
    if found is None:
        hint = "Use a user model with an integer, a UUID or a text as the primary key."
        return [Error(f"The primary key of {name} is no integer, UUID or text.", hint, id="clarion.E009")]
    if "user_key" in get_settings().model_fields_set and found is not given:
        text = f"The primary key of {name} is of the type {found}, and CLARION_USER_KEY is {given}."
        return [Error(text, f"Set CLARION_USER_KEY={found}, for edges too.", id="clarion.E010")]
    return []


#: Notifications from which the settings of the write-ahead log matter (rows, as Postgres estimates them).
LARGE_ROWS = 1_000_000
#: The settings of the write-ahead log that are too low, of an installation with so many notifications. Rows of many
#: inboxes are on as many pages, and each page is written whole to the log once after every checkpoint.
_WAL_SETTINGS = """
SELECT format('%%s is %%s', name, current_setting(name)) FROM pg_settings
 WHERE (name = 'wal_compression' AND setting = 'off' OR name = 'max_wal_size' AND setting::bigint < 4096
        OR name = 'checkpoint_timeout' AND setting::bigint < 900)
   AND (SELECT reltuples FROM pg_class WHERE oid = to_regclass('clarion_notification')) >= %(large)s
 ORDER BY name
"""


@register(Tags.database, TAG)
def postgres(databases: Sequence[str] | None = None, **_: Any) -> Messages:
    """Check the clock, the isolation level, the connection limit and, of a large installation, the log of Postgres."""
    asked = "default" in (databases or ()) and connections["default"].vendor == "postgresql"  # else clarion.E007
    return list(_postgres("default")) if asked else []


def _postgres(alias: str) -> Iterable[CheckMessage]:
    # In a transaction, because OPTIONS may set another isolation level for transactions than for single statements.
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        asked = time.time()
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp())::float8, current_setting('max_connections')::int,"
            " ARRAY[current_setting('transaction_isolation'), current_setting('default_transaction_isolation')]"
        )
        there, allowed, isolation = cursor.fetchone()
        answered = time.time()
    if others := set(isolation) - {"read committed"}:
        text = f"Transactions are {' or '.join(others)}: concurrent work fails, and events get stuck."
        hint = (
            "Leave isolation_level out of OPTIONS, and reset default_transaction_isolation of the server, the database "
            "and the role to 'read committed'."
        )
        yield Error(text, hint, id="clarion.E008")
    # The other clock was read between the two.
    apart = max(asked - there, there - answered, 0)
    if apart > SKEW_SECONDS:
        text = f"The clocks of Postgres and of this machine differ by {apart:.1f} s."
        yield Warning(text, "Synchronize the clocks of all machines (NTP).", id="clarion.W003")
    needed = get_settings().repair_concurrency + (app.conf.worker_concurrency or 0) + SPARE_CONNECTIONS
    if allowed < needed:
        text = f"Postgres allows {allowed} connections; one edge and one worker may take {needed - SPARE_CONNECTIONS}."
        yield Warning(text, "Raise max_connections, or use PgBouncer.", id="clarion.W004")
    with connections[alias].cursor() as cursor:
        cursor.execute(_WAL_SETTINGS, {"large": LARGE_ROWS})
        small = [setting for (setting,) in cursor.fetchall()]
    if small:
        text = (
            f"With millions of notifications, Postgres writes its log more often than it needs to: {', '.join(small)}."
        )
        hint = "Set wal_compression to lz4, max_wal_size to 4GB and checkpoint_timeout to 15min, or more."
        yield Warning(text, hint, id="clarion.W013")


@register(Tags.database, TAG, deploy=True)
def workers(databases: Sequence[str] | None = None, **_: Any) -> Messages:
    """Check that each queue has a worker; only by `check --deploy --database default`, which contacts servers."""
    if not databases:
        return []
    try:
        with app.connection_for_write(**bounded(WORKERS_ANSWER_SECONDS)) as connection:
            asked = app.control.inspect(timeout=WORKERS_ANSWER_SECONDS, connection=connection)
            active = asked.active_queues() or {}
    except Exception as error:  # noqa: BLE001 - each transport raises its own
        return [Warning(f"The broker does not answer: {error!r}", "Check CLARION_BROKER_URL.", id="clarion.W005")]
    consumed = {queue["name"] for some in active.values() for queue in some}
    lost = sorted({queue.name for queue in app.conf.task_queues} - consumed)
    hint = "Start a worker on it; its tasks wait until then."
    return [Warning(f"No worker consumes the queue {queue}.", hint, id="clarion.W006") for queue in lost]


@register(Tags.database, TAG, deploy=True)
def output_buffers(databases: Sequence[str] | None = None, **_: Any) -> Messages:
    """Check that the channel layer's Redis buffers enough for subscribers; only if servers are contacted."""
    if not databases:
        return []
    try:
        limits = channel_layer().output_buffers()
    except (redis.RedisError, OSError) as error:
        return [Warning(f"The channel layer does not answer: {error!r}", "Check CHANNEL_LAYER_URL.", id="clarion.W010")]
    text = "In a burst the channel layer's Redis may close the connections of edges: {} of {} hosts limit subscribers."
    hint = 'Set client-output-buffer-limit to "pubsub 128mb 64mb 60" or more.'
    small = sum(map(is_too_small, limits))
    return [Warning(text.format(small, len(limits)), hint, id="clarion.W011")] if small else []
