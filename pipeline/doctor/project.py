"""Findings about the project itself, which need no server."""

import difflib
import os
from collections.abc import Iterator

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse

from ...shared.common_settings import version
from ...shared.django_settings import KEYS, PREFIX
from ...shared.edge_settings import edge_settings
from ..celery.app import app
from .findings import Finding, of_check

#: Variables with Clarion's prefix that are no settings of its processes: of `make run`, compose.yml and tests.
OTHER_VARIABLES = {
    "AUDIT_ALL", "BIND", "BREAK_SOCKET", "EDGE_PORT", "FLOWER_PASSWORD", "FLOWER_PORT", "HTTPS_PORT", "HTTP_PORT",
    "METRICS_TOKEN", "MUST_RUN_ALL", "PORT_BASE", "STACK_DIR", "TLS_CERTIFICATE", "WEB_PORT",
}  # fmt: skip
#: Session engines whose sessions an edge can read from Postgres.
READABLE_SESSIONS = ("django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cached_db")
SCRIPT = "clarion/elements.js"


def examine() -> Iterator[Finding]:
    """Yield findings about settings, apps, URLs and static files."""
    yield Finding(f"Clarion {version() or 'of a checkout'}, settings {os.environ.get('DJANGO_SETTINGS_MODULE', '')}.")
    yield from _variables()
    yield from _checks()
    yield from _edge_settings()
    yield from _pages()


def _variables() -> Iterator[Finding]:
    for name in sorted(os.environ):
        key = name.removeprefix(PREFIX)
        is_known = key in KEYS or key in OTHER_VARIABLES or key.startswith("TESTS_")
        if name.startswith(PREFIX) and not is_known:
            near = difflib.get_close_matches(key, KEYS, n=1)
            meant = f"did you mean {PREFIX}{near[0]}?" if near else "remove it, or see docs/settings.md."
            yield Finding(f"The variable {name} is no setting and has no effect.", meant[0].upper() + meant[1:])
    if "BROKER_URL" in os.environ and "CLARION_BROKER_URL" not in os.environ:
        yield Finding(
            "BROKER_URL is set, which Celery gives to every app that its command line runs, also to your own.",
            "Name it CLARION_BROKER_URL.",
        )


def _checks() -> Iterator[Finding]:
    messages: list[CheckMessage] = run_checks(tags=["clarion"])
    yield from map(of_check, messages)
    if not messages:
        yield Finding("The system checks have no message.")


def _edge_settings() -> Iterator[Finding]:
    try:
        edge_settings()
    except (ImproperlyConfigured, ValueError) as error:
        yield Finding("The settings of an edge cannot be made from this project.", str(error))
    engine = settings.SESSION_ENGINE
    if engine not in READABLE_SESSIONS:
        yield Finding(
            f"SESSION_ENGINE is {engine}, whose sessions are not in Postgres, so the session cookie opens no socket.",
            f"Let pages use tokens, as the elements do, or set SESSION_ENGINE to {READABLE_SESSIONS[1]}.",
        )
    if app.conf.task_always_eager:
        yield Finding("Clarion's Celery app is eager: tasks run inside requests.", "Unset task_always_eager.")


def _pages() -> Iterator[Finding]:
    try:
        yield Finding(f"The API of the inbox is at {reverse('clarion:snapshot')}.")
    except NoReverseMatch:
        yield Finding(
            "No URL leads to the API of the inbox, which the browser's client needs.",
            'Add path("api/", clarion.pipeline.api.api.urls) to the urlpatterns of your project.',
        )
    if not apps.is_installed("django.contrib.staticfiles"):
        yield Finding(
            "django.contrib.staticfiles is not installed, so pages cannot load the browser's client.",
            'Add it to INSTALLED_APPS, or serve the folder "static" of clarion.pipeline yourself.',
        )
    elif finders.find(SCRIPT) is None:
        yield Finding(
            f"The static file {SCRIPT} is not found, so pages cannot load the browser's client.",
            "Add django.contrib.staticfiles.finders.AppDirectoriesFinder to STATICFILES_FINDERS.",
        )
