"""Beat's scheduler, which tolerates a clock that is set back.

Input: the schedule (app.py). Output: each of its tasks at its interval, also after the clock was set back; Celery's
own scheduler would wait until the clock has caught up. Nothing is stored in a file, because Postgres has the work and
beat only triggers the check for it.
"""

from datetime import datetime
from typing import Any

from celery import beat
from celery.schedules import schedstate, schedule


class Every(schedule):
    """A fixed interval."""

    def is_due(self, last_run_at: datetime) -> schedstate:
        """Return whether it is due, and the seconds until the next check."""
        state = super().is_due(last_run_at)
        return schedstate(True, self.seconds) if state.next > self.seconds else state


class Scheduler(beat.Scheduler):
    """Celery's scheduler in memory. Named in the setting `beat_scheduler`.

    Celery looks only at the entry that comes next by the times it has noted. After the clock was set back those are
    far ahead, all but that of the entry which ran since: it would be the only one. So they are noted anew.
    """

    _seen: datetime | None = None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run the due tasks; return the seconds until the next call."""
        now = self.app.now()
        if self._seen is not None and now < self._seen:
            self._heap = None
        self._seen = now
        return float(super().tick(*args, **kwargs))
