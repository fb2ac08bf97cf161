"""Where the servers of this test run are. Loaded first (`-p tests.environment`), before Django is configured.

Leaves: Postgres and Valkey of the run's own, on free ports and in a temporary folder, not started yet; and the
environment that points every process of the run at them. A run of unit tests alone starts neither.
"""

import atexit
import os
from contextlib import ExitStack

from dev.account import scratch_folder
from dev.servers import FAST_AND_UNSAFE, Postgres, Valkey

_at_exit = ExitStack()
FOLDER = _at_exit.enter_context(scratch_folder())
POSTGRES = Postgres(FOLDER / "postgres", settings=FAST_AND_UNSAFE)
VALKEY = Valkey(FOLDER / "valkey")

os.environ.update(
    DJANGO_SETTINGS_MODULE="examples.forum.settings",
    DATABASE_URL=POSTGRES.url,
    BROKER_URL=VALKEY.database_url(0),
    CHANNEL_LAYER_URL=VALKEY.database_url(1),
    CLARION_DEBUG="1",
    CLARION_SECRET_KEY="a-secret-that-only-the-tests-of-one-run-share",
    CLARION_LOG_LEVEL="WARNING",
)
_at_exit.callback(POSTGRES.stop)
_at_exit.callback(VALKEY.stop)
atexit.register(_at_exit.close)
