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

from ..shared.channel_layer import ClarionChannelLayer
from ..shared.output_buffer import is_too_small
from ..shared.settings import get_settings
from . import names
from .celery.app import app, bounded
from .publish import channel_layer

TAG: Final = "clarion"

#: A task that runs longer than its message is hidden is given to a second worker. Twice the limit leaves room for what
#: waits in the worker's hands, since the time counts from delivery.
VISIBILITY_FACTOR = 2

#: Clocks that differ by more are worth a look: tokens are refused that were issued after a revocation by the one clock
#: and before it by the other, and times of one story are out of order (seconds).
SKEW_SECONDS = 1.0

#: Longest wait for workers to say which queues they work on (seconds).
WORKERS_ANSWER_SECONDS = 2.0

#: Postgres is to have so many connections more than one edge and one worker of each lane may take.
SPARE_CONNECTIONS = 10

Messages = list[CheckMessage]


@register(TAG)
def broker(**_: Any) -> Messages:
    """Of the connection to the broker: time-outs, confirmations, how long a message is hidden."""
    options = app.conf.broker_transport_options or {}
    if str(app.conf.broker_write_url).startswith("amqp"):
        if not options.get("confirm_publish"):
            hint = "Set confirm_publish in broker_transport_options: what is not confirmed may be lost."
            return [Error("RabbitMQ is not asked to confirm what it is given.", hint, id="clarion.E002")]
        return []
    found: Messages = []
    missing = [name for name in ("socket_timeout", "socket_connect_timeout") if not options.get(name)]
    if missing:
        hint = f"Set {' and '.join(missing)} in broker_transport_options."
        found.append(Error("A Redis that hangs would be waited for without a limit.", hint, id="clarion.E001"))
    limits = [app.conf.task_time_limit, app.conf.task_soft_time_limit]
    limits += [limit for task in app.tasks.values() for limit in (task.time_limit, task.soft_time_limit)]
    longest = max((limit for limit in limits if limit), default=0)
    # Celery's default, where it is not set.
    hidden = options.get("visibility_timeout", 3600)
    if hidden < longest * VISIBILITY_FACTOR:
        hint = "Set visibility_timeout in broker_transport_options to at least twice the longest time limit."
        text = f"Redis gives a task to a second worker after {hidden} s, and one may take {longest} s."
        found.append(Error(text, hint, id="clarion.E003"))
    return found


@register(TAG)
def broker_variable(**_: Any) -> Messages:
    """The address of the broker has a variable of Clarion's own."""
    if "BROKER_URL" not in os.environ or "CLARION_BROKER_URL" in os.environ:
        return []
    text = "BROKER_URL is set: the command line of Celery gives it to every app, also to a project's own."
    return [Warning(text, "Rename it to CLARION_BROKER_URL.", id="clarion.W012")]


@register(TAG)
def queues(**_: Any) -> Messages:
    """Each task is routed to a queue that is declared, so that workers and Flower know it."""
    # Not by Celery's own loader, which has the checks run once it is done.
    import_module("clarion.pipeline.tasks")
    autodiscover_modules("tasks")
    declared = {queue.name for queue in app.conf.task_queues}
    routed = {name: app.amqp.router.route({}, name)["queue"].name for name in app.tasks}
    lost = {name: queue for name, queue in sorted(routed.items()) if queue not in declared}
    hint = "Name its queue in CLARION_TASK_ROUTES, and start a worker on it."
    return [Error(f"The task {name} goes to the queue {queue}, which nobody declares.", hint, id="clarion.E004")
            for name, queue in lost.items()]  # fmt: skip


@register(TAG)
def layer(**_: Any) -> Messages:
    """The channel layer is the one that edges listen to."""
    default: dict[str, Any] = getattr(settings, "CHANNEL_LAYERS", {}).get("default", {})
    hint = "Set CHANNEL_LAYERS = clarion.get_settings().django_channel_layers()."
    try:
        backend = import_string(default.get("BACKEND", ""))
    except ImportError:
        backend = None
    if not (isinstance(backend, type) and issubclass(backend, ClarionChannelLayer)):
        return [
            Error("The default channel layer is not Clarion's: nothing would be published.", hint, id="clarion.E005")
        ]
    if default.get("CONFIG") != get_settings().django_channel_layers()["default"]["CONFIG"]:
        text = "The channel layer is not the one of the environment: edges listen to another."
        return [Error(text, hint, id="clarion.E006")]
    return []


@register(TAG)
def keys(**_: Any) -> Messages:
    """The edge verifies what the web app verifies: sessions and tokens from before a rotation of the secret key."""
    ours = get_settings().secret_keys
    if ours[0] != settings.SECRET_KEY or set(settings.SECRET_KEY_FALLBACKS) <= set(ours):
        return []
    hint = "Set CLARION_SECRET_KEY_FALLBACKS to the same keys, for edges too; or SECRET_KEY, *SECRET_KEY_FALLBACKS = "
    hint += "clarion.get_settings().secret_keys."
    text = "SECRET_KEY_FALLBACKS has keys that edges do not know: sessions signed with them open no sockets."
    return [Warning(text, hint, id="clarion.W009")]


@register(TAG)
def pools(**_: Any) -> Messages:
    """Connections to Postgres are kept, and a pool has one for each thread."""
    database = settings.DATABASES["default"]
    found: Messages = []
    if connections["default"].vendor != "postgresql":  # engines of other names may be Postgres, as PostGIS is
        hint = "Set DATABASES['default'] = clarion.get_settings().django_database()."
        return [Error("The default database is not Postgres.", hint, id="clarion.E007")]
    pool = database.get("OPTIONS", {}).get("pool")
    if not pool and database.get("CONN_MAX_AGE") == 0:
        hint = "Set CONN_MAX_AGE, as clarion.get_settings().django_database() does."
        found.append(Warning("Each task and request makes a connection of its own.", hint, id="clarion.W001"))
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
    """The name that recipients are sent of an actor exists, and is not an e-mail address."""
    users: Any = get_user_model()
    column = get_settings().username_column
    hint = "Set CLARION_USERNAME_COLUMN to a column with a display name, for workers and edges; or to nothing."
    if not column:
        return []
    found = names.field()
    if found is None:
        text = f"{users.__name__} has no column {column!r}: notifications name no actor."
        return [Warning(text, hint, id="clarion.W007")]
    if isinstance(found, models.EmailField) or found.name == users.get_email_field_name():
        text = f"Every recipient is sent the actor's e-mail address ({column}) as a name."
        return [Warning(text, hint, id="clarion.W008")]
    return []


@register(Tags.database, TAG)
def postgres(databases: Sequence[str] | None = None, **_: Any) -> Messages:
    """Of Postgres itself: its clock, and how many connections it allows."""
    return [message for alias in databases or () if alias == "default" for message in _postgres(alias)]


def _postgres(alias: str) -> Iterable[CheckMessage]:
    # In a transaction, whose isolation may be an option of Django's, other than that of a statement by itself.
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        asked = time.time()
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp())::float8, current_setting('max_connections')::int,"
            " ARRAY[current_setting('transaction_isolation'), current_setting('default_transaction_isolation')]"
        )
        there, allowed, isolation = cursor.fetchone()
        answered = time.time()
    if others := set(isolation) - {"read committed"}:
        text = f"Transactions are {' or '.join(others)}: concurrent work would fail, and events would get stuck."
        hint = (
            "Leave isolation_level out of OPTIONS, and reset default_transaction_isolation of the server, the database "
            "and the role to 'read committed'."
        )
        yield Error(text, hint, id="clarion.E008")
    # Somewhen between the two the other clock was read.
    apart = max(asked - there, there - answered, 0)
    if apart > SKEW_SECONDS:
        text = f"The clocks of Postgres and of this machine differ by {apart:.1f} s."
        yield Warning(text, "Let all machines take their time from one source (NTP).", id="clarion.W003")
    needed = get_settings().repair_concurrency + (app.conf.worker_concurrency or 0) + SPARE_CONNECTIONS
    if allowed < needed:
        text = f"Postgres allows {allowed} connections; one edge and one worker may take {needed - SPARE_CONNECTIONS}."
        yield Warning(text, "Raise max_connections, or put PgBouncer in front.", id="clarion.W004")


@register(TAG, deploy=True)
def workers(databases: Sequence[str] | None = None, **_: Any) -> Messages:
    """Each queue has a worker. Asked where servers are asked at all: `check --deploy --database default`."""
    if not databases:
        return []
    try:
        with app.connection_for_write(**bounded(WORKERS_ANSWER_SECONDS)) as connection:
            asked = app.control.inspect(timeout=WORKERS_ANSWER_SECONDS, connection=connection)
            active = asked.active_queues() or {}
    except Exception as error:  # noqa: BLE001 - each transport raises its own
        return [Warning(f"The broker does not answer: {error!r}", "Look after CLARION_BROKER_URL.", id="clarion.W005")]
    consumed = {queue["name"] for some in active.values() for queue in some}
    lost = sorted({queue.name for queue in app.conf.task_queues} - consumed)
    hint = "Start a worker on it; what is routed to it waits."
    return [Warning(f"No worker consumes the queue {queue}.", hint, id="clarion.W006") for queue in lost]


@register(TAG, deploy=True)
def output_buffers(databases: Sequence[str] | None = None, **_: Any) -> Messages:
    """The channel layer's Redis lets an edge leave enough unread. Asked where servers are asked at all."""
    if not databases:
        return []
    try:
        limits = channel_layer().output_buffers()
    except (redis.RedisError, OSError) as error:
        return [Warning(f"The channel layer does not answer: {error!r}", "Check CHANNEL_LAYER_URL.", id="clarion.W010")]
    text = "In a burst the channel layer's Redis would end the connections of edges: {} of {} hosts limit subscribers."
    hint = 'Set client-output-buffer-limit to "pubsub 128mb 64mb 60" or more.'
    small = sum(map(is_too_small, limits))
    return [Warning(text.format(small, len(limits)), hint, id="clarion.W011")] if small else []
