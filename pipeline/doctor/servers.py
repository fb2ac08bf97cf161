"""Findings about Postgres, the broker and the channel layer."""

from collections.abc import Iterator

import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from ...shared.channel_layer import channel_layer
from ...shared.settings import get_settings
from .. import checks
from ..celery.app import app, bounded
from .findings import Finding, of_check

#: Longest wait for a server to answer (seconds).
ANSWER_SECONDS = 3.0
APPS = ("clarion_inbox", "clarion_pipeline")


def unapplied_migrations() -> list[str]:
    """Return the migrations of Clarion that are not applied, as `app.name`; raise DatabaseError while it is away."""
    executor = MigrationExecutor(connection)
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] in APPS]
    return [f"{one.app_label}.{one.name}" for one, _ in executor.migration_plan(targets) if one.app_label in APPS]


def examine() -> Iterator[Finding]:
    """Yield a finding about each server."""
    yield _postgres()
    yield _broker()
    yield _layer()


def limits() -> Iterator[Finding]:
    """Yield the messages of the system checks that ask Postgres and the channel layer."""
    messages = [*checks.postgres(databases=["default"]), *checks.output_buffers(databases=["default"])]
    yield from map(of_check, messages)


def _postgres() -> Finding:
    try:
        missing = unapplied_migrations()
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            (version,) = cursor.fetchone()
    except DatabaseError as error:
        return Finding(f"Postgres does not answer: {error}", "Start it, or correct DATABASES['default'].")
    if missing:
        return Finding(f"{len(missing)} migrations are not applied ({missing[0]}).", "Run `manage.py migrate`.")
    return Finding(f"Postgres {version} answers, and all migrations are applied.")


def _broker() -> Finding:
    try:
        with app.connection_for_write(**bounded(ANSWER_SECONDS)) as broker:
            broker.ensure_connection(max_retries=0)
            return Finding(f"The broker answers: {broker.as_uri()}.")
    except Exception as error:  # noqa: BLE001 - each transport raises its own
        return Finding(
            f"The broker does not answer: {error!r}",
            "Start it, or correct CLARION_BROKER_URL or CLARION['BROKER_URL'].",
        )


def _layer() -> Finding:
    try:
        with channel_layer().client() as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        remedy = "Start it, or correct CHANNEL_LAYER_URL or CLARION['CHANNEL_LAYER_URL']."
        return Finding(f"The channel layer does not answer: {error!r}", remedy)
    count = len(get_settings().channel_layer_url)
    return Finding(f"The channel layer answers (hosts: {count}).")
