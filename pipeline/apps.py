"""The Django app of the pipeline; discovers the events and audiences that other apps declare."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PipelineConfig(AppConfig):
    """The outbox, its admin and commands; imports `events.py` and `audiences.py` of each installed app."""

    name = "clarion.pipeline"
    label = "clarion_pipeline"
    verbose_name = "Clarion: outbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import the declarations of all apps, so that a worker has every event and its audiences."""
        autodiscover_modules("events", "audiences")
        import_module("clarion.pipeline.adhoc")
        import_module("clarion.pipeline.inbound")
        import_module("clarion.pipeline.revocation").connect()
        import_module("clarion.pipeline.checks")
