"""The servers of this test run. Loaded first (`-p tests.environment`), before Django is configured.

Output: the run's own Postgres and Valkey, on free ports and in a temporary folder, not started yet; and the
environment that points every process of the run at them. A run of unit tests alone starts neither. With
CLARION_TESTS_ON=rabbitmq the broker is RabbitMQ, with `pgbouncer` all connections to Postgres go through PgBouncer,
with `sentinel` broker and half of the channel layer are a Valkey behind Sentinel. With CLARION_TESTS_KEY=uuid or text
the users have keys of that type.
"""

import atexit
import os
from contextlib import ExitStack

from dev.account import scratch_folder
from dev.pgbouncer import PgBouncer
from dev.rabbitmq import RabbitMQ
from dev.sentinel import Sentinel
from dev.servers import FAST_AND_UNSAFE, Postgres, Server, Valkey

_at_exit = ExitStack()
FOLDER = _at_exit.enter_context(scratch_folder())
POSTGRES = Postgres(FOLDER / "postgres", settings=FAST_AND_UNSAFE)
VALKEY = Valkey(FOLDER / "valkey")

ON = os.environ.get("CLARION_TESTS_ON", "")
#: The type of the users' keys: empty (integer), `uuid` or `text`.
KEY = os.environ.get("CLARION_TESTS_KEY", "")
SENTINEL = Sentinel(FOLDER / "sentinel")
BROKER: Server = {"rabbitmq": RabbitMQ(FOLDER / "rabbitmq"), "sentinel": SENTINEL}.get(ON, VALKEY)
#: Where the run's databases are reached.
DATABASES: Server = PgBouncer(FOLDER / "pgbouncer", POSTGRES) if ON == "pgbouncer" else POSTGRES

os.environ.update(
    DJANGO_SETTINGS_MODULE="tests.keys.settings" if KEY else "examples.forum.settings",
    CLARION_USER_KEY=KEY or "integer",
    DATABASE_URL=DATABASES.url,
    CLARION_BROKER_URL=VALKEY.database_url(0) if BROKER is VALKEY else BROKER.url,
    CHANNEL_LAYER_URL=",".join(
        server.database_url(1) for server in ([SENTINEL, VALKEY] if ON == "sentinel" else [VALKEY])
    ),
    CLARION_DEBUG="1",
    CLARION_SECRET_KEY="a-secret-that-only-the-tests-of-one-run-share",
    CLARION_LOG_LEVEL="WARNING",
)
for _server in (POSTGRES, VALKEY, DATABASES, BROKER):  # stopped in the reverse order, and twice does no harm
    _at_exit.callback(_server.stop)
atexit.register(_at_exit.close)
