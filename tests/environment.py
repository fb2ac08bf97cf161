"""Where the servers of this test run are. Loaded first (`-p tests.environment`), before Django is configured.

Leaves: Postgres and Valkey of the run's own, on free ports and in a temporary folder, not started yet; and the
environment that points every process of the run at them. A run of unit tests alone starts neither.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from dev.servers import FAST_AND_UNSAFE, Postgres, Valkey

FOLDER = Path(tempfile.mkdtemp(prefix="clarion-test-"))
# Postgres runs as another account where the tests run as root, and must be able to reach its folder.
FOLDER.chmod(0o755)
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


@atexit.register
def _end() -> None:
    POSTGRES.stop()
    VALKEY.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)
