"""The identity of this installation, among all that share a Redis.

Redis has no databases for its publish and subscribe commands, so two installations with one Redis (production and
staging, say) would receive each other's messages, even with different database numbers. Each has an identity in its
Postgres: a random value that its migrations wrote, together with the cluster and the database that hold it, so that a
copy of production's data is an installation of its own. The names of channels and keys contain it.
"""

import logging
import time
from functools import cache
from typing import Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import errors

from .settings import get_settings

logger = logging.getLogger(__name__)

#: The value was written by a migration into a table without a model, which `manage.py flush` leaves alone.
_IDENTITY = """
SELECT left(md5(concat_ws(':', value, {cluster}, database.oid)), 10)
  FROM clarion_installation, (SELECT oid FROM pg_database WHERE datname = current_database()) database
"""
IDENTITY: Final = _IDENTITY.format(cluster="(SELECT system_identifier FROM pg_control_system())")
#: For a server that does not reveal the identity of its cluster.
_WITHOUT_CLUSTER: Final = _IDENTITY.format(cluster="''")
#: Errors of such a server.
_NOT_TOLD: Final = (errors.FeatureNotSupported, errors.UndefinedFunction, errors.InsufficientPrivilege)

#: Between two attempts of a starting process to reach Postgres (seconds).
RETRY_SECONDS = 1.0


@cache
def installation() -> str:
    """Return the identity of this process's installation, 10 characters; raise psycopg.Error while Postgres is away.

    Reads it by a connection of its own the first time, so that any caller will do, also one in an event loop.
    """
    with _connect() as connection:
        try:
            row = connection.execute(IDENTITY).fetchone()
        except _NOT_TOLD:
            connection.rollback()
            row = connection.execute(_WITHOUT_CLUSTER).fetchone()
    if row is None:
        raise RuntimeError("the table clarion_installation has no row: run `manage.py migrate`")
    return str(row[0])


def wait_for_installation() -> None:
    """Return once the identity is known, however long Postgres is away, for a process that starts."""
    while True:
        try:
            installation()
        except (psycopg.Error, RuntimeError) as error:  # it is away, or not migrated yet
            logger.warning("Waiting for Postgres to name this installation", extra={"error": repr(error)})
            time.sleep(RETRY_SECONDS)
        else:
            return


def _connect() -> "psycopg.Connection[tuple[Any, ...]]":
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    if wrapper.vendor == "postgresql":
        return psycopg.connect(**wrapper.get_connection_params())
    # The edge has no database of Django's.
    return psycopg.connect(get_settings().conninfo, connect_timeout=5)
