"""Django's settings for the edge process: the channel layer and nothing else.

No apps, no database of Django's, no Celery: the edge reads Postgres through a small asynchronous pool of its own.
"""

from ..shared.json_logging import logging_config
from ..shared.settings import get_settings

SECRET_KEY, *SECRET_KEY_FALLBACKS = get_settings().secret_keys
DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
INSTALLED_APPS: list[str] = []
CHANNEL_LAYERS = get_settings().django_channel_layers()
LOGGING = logging_config(get_settings().log_level)
