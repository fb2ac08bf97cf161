"""Django's registration of the inbox models."""

from django.apps import AppConfig


class InboxConfig(AppConfig):
    """Models of the inbox; no signals, no checks, so that the edge can load it without the pipeline."""

    name = "clarion.shared.inbox"
    label = "clarion_inbox"
    verbose_name = "Clarion: inboxes"
    default_auto_field = "django.db.models.BigAutoField"
