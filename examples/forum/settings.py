"""Django's settings of the web app and of the workers that run its audiences.

Input: the environment, read by `clarion.shared.settings`. Output: settings for development where CLARION_DEBUG=1, and
for production otherwise. In production a proxy that terminates TLS stands in front and sets X-Forwarded-Proto. Nothing
is collected or built: WhiteNoise serves static files from their folders.
"""

import os
from pathlib import Path

from clarion.shared import json_logging
from clarion.shared import settings as environment

_config = environment.get_settings()
_forum = Path(__file__).resolve().parent

DEBUG = _config.debug
SECRET_KEY, *SECRET_KEY_FALLBACKS = _config.secret_keys
ALLOWED_HOSTS = list(_config.allowed_hosts)
ROOT_URLCONF = "examples.forum.urls"
WSGI_APPLICATION = "examples.forum.wsgi.application"

INSTALLED_APPS = [
    "examples.forum.apps.ForumConfig",  # before the admin, whose first page it extends
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "ninja",
    "clarion.shared.inbox",
    "clarion.pipeline",
]

MIDDLEWARE = [
    "clarion.pipeline.tracing.trace_context",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "examples.forum.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_forum / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "examples.forum.context.live",
            ],
        },
    },
]

DATABASES = {"default": _config.django_database()}
CHANNEL_LAYERS = _config.django_channel_layers()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False

LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "threads"
LOGOUT_REDIRECT_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

#: The port of the edge as browsers see it; None where it shares this app's address.
FORUM_EDGE_PORT = _config.public_edge_port

#: Where the runner of `make run` takes requests to break a part of the stack; None: the page of operators offers none.
FORUM_BREAK_SOCKET = os.environ.get("CLARION_BREAK_SOCKET")

#: Whether one click signs in as a seeded person, and the people with a known password may be seeded.
FORUM_OPEN_DOORS = DEBUG

#: The forum's own tasks, on a queue of their own, so that a long job never stands before a notification.
CLARION_TASK_ROUTES = {
    f"forum.{task}": "jobs" for task in ("process_document", "run_extract", "run_analysis", "run_export", "sweep_jobs")
}

LOGGING = json_logging.logging_config(_config.log_level)

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
X_FRAME_OPTIONS = "DENY"
if not DEBUG:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^api/health$", r"^api/metrics$"]  # asked from inside, without the proxy
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
