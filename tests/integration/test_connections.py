"""Keep-alive and time-outs of the connections to Postgres, of web app, workers and edge."""

import socket

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from clarion.edge.reader import InboxReader
from clarion.shared.settings import get_settings
from tests import environment

#: Longest that a connection may stay after the machine at its other end has vanished (seconds).
NOTICED_SECONDS = 30


def noticed_within(fileno: int) -> list[float]:
    """After how many seconds a connection that is idle, and one that waits for an answer, is given up."""
    with socket.socket(fileno=fileno) as held:
        try:
            assert held.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            idle = held.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            between = held.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
            count = held.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
            unanswered = held.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        finally:
            held.detach()  # it is libpq's
    return [idle + between * count, unanswered / 1000]


def djangos() -> int:
    connection.ensure_connection()
    return int(connection.connection.fileno())


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="told by the system on Linux only")
async def test_vanished_postgres_detected(db: None) -> None:
    """A vanished Postgres is detected within 30 seconds by web app, workers and edge."""
    assert max(noticed_within(await sync_to_async(djangos)())) <= NOTICED_SECONDS
    reader = InboxReader(get_settings().model_copy(update={"database_url": environment.POSTGRES.url}))
    try:
        assert await reader.ready()
        async with reader._pool.connection() as held:
            assert max(noticed_within(held.fileno())) <= NOTICED_SECONDS
    finally:
        await reader._pool.close()
