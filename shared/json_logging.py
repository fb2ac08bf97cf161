"""JSON logs: a constant sentence and its ids in fields.

Input: the level. Output: a `LOGGING` dictionary for Django, the same for web, workers and edge. Each item of `extra`
becomes a field of the line. Sentences never contain data, so you can search for them.
"""

from typing import Any


def logging_config(level: str) -> dict[str, Any]:
    """Return a `logging.config` dictionary: every logger writes to stderr, one JSON object a line."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
                "rename_fields": {"asctime": "at", "levelname": "level", "name": "logger"},
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Each would say two lines a task, the sweep's every two seconds; Flower shows the tasks.
            **{name: {"level": "WARNING"} for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat")},
            # Django's own configuration would say everything once more.
            "django": {"handlers": ["stderr"], "level": level, "propagate": False},
            "django.server": {"handlers": ["stderr"], "propagate": False},
        },
    }
