"""Changes many rows of many inboxes, a chunk in each transaction.

Input: a statement that changes at most `chunk` rows and skips locked ones, and one that finds whether any are left.
Output: none are left. Rows in use are left for the next round, because waiting for them while holding others would
deadlock with deliveries.
"""

import time
from typing import Any, Final

from django.db import connection

#: Rows changed by one transaction.
CHUNK: Final = 5000
#: Wait before the next round if all remaining rows are in use (seconds).
WAIT_SECONDS: Final = 0.05


def in_chunks(update: str, left: str, params: dict[str, Any]) -> None:
    """Run `update` until nothing is `left`."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(update, params)
            if cursor.rowcount > 0:
                continue
            cursor.execute(left, params)
            if not cursor.fetchone()[0]:
                return
        time.sleep(WAIT_SECONDS)
