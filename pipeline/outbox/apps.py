"""Django's registration of the outbox, and the discovery of what apps declare."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class OutboxConfig(AppConfig):
    """The outbox; finds `events.py` and `audiences.py` of every installed app."""

    name = "clarion.pipeline.outbox"
    label = "clarion_pipeline"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what the apps declare, so that a worker knows every event and its audiences."""
        autodiscover_modules("events", "audiences")
        import_module("clarion.pipeline.notices")
        import_module("clarion.pipeline.inbound")
        import_module("clarion.pipeline.access").connect()
        import_module("clarion.pipeline.checks")
