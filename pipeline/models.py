"""The models of the Django app `clarion.pipeline`, which are defined in `outbox/models.py`."""

from .outbox.models import Batch, Event, Pace, Pause, Retention, Sample, UsedKey

__all__ = ["Batch", "Event", "Pace", "Pause", "Retention", "Sample", "UsedKey"]
