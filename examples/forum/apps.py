"""Django's registration of the forum; connects its signal handlers."""

from django.apps import AppConfig


class ForumConfig(AppConfig):
    """Threads and messages, and what happens to them."""

    name = "examples.forum"
    label = "forum"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from examples.forum import receivers  # noqa: F401 - importing connects them, and needs the models
