"""Django's settings for the edge process: the channel layer and nothing else.

No apps, no database of Django's, no Celery: the edge reads Postgres through a small asynchronous pool of its own.
"""

from ..shared.logs import logging_config
from ..shared.settings import load

SECRET_KEY, *SECRET_KEY_FALLBACKS = load().secret_keys
DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
INSTALLED_APPS: list[str] = []
CHANNEL_LAYERS = load().django_channel_layers()
LOGGING = logging_config(load().log_level)
