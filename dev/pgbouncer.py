"""PgBouncer as a child process, in front of a Postgres of ours, in transaction mode.

Input: a data folder, and the Postgres. Output: a pooler on 127.0.0.1, and the `url` of the same databases through it.
Each of its few connections to Postgres serves another client after each transaction. Only tests use it.
"""

import signal
from pathlib import Path

import psycopg

from dev.account import AsUser, reachable_folder, unprivileged
from dev.programs import PGBOUNCER
from dev.servers import Postgres, Server, ServerFailed

#: Connections to Postgres for each database: so few that clients have to take turns.
POOL_SIZE = 4

_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={postgres}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
admin_users = clarion
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
server_reset_query =
server_login_retry = 1
log_connections = 0
log_disconnections = 0
log_pooler_errors = 1
"""


class PgBouncer(Server):
    """A pooler before one Postgres, for all of its databases."""

    name = "PgBouncer"
    process_names = ("pgbouncer",)
    stop_signal = signal.SIGINT

    def __init__(self, data_dir: Path, postgres: Postgres, port: int | None = None) -> None:
        super().__init__(data_dir, port)
        self._postgres = postgres

    @property
    def url(self) -> str:
        """The address of the server."""
        return self._url("clarion")

    def transactions(self) -> int:
        """How many transactions it has passed on since it started, of all databases."""
        # Its console knows the simple protocol only, which a statement without parameters uses.
        with psycopg.connect(self._url("pgbouncer"), autocommit=True) as console:
            rows = console.execute("SHOW STATS_TOTALS").fetchall()
        return sum(int(row[1]) for row in rows if row[0] != "pgbouncer")

    def _url(self, database: str) -> str:
        return f"postgresql://clarion@127.0.0.1:{self.port}/{database}"

    def _prepare(self) -> tuple[list[str | Path], AsUser]:
        program = PGBOUNCER.path()
        if program is None:
            raise ServerFailed(PGBOUNCER.advice)
        account = unprivileged(self.data_dir)
        self.data_dir = reachable_folder(self.data_dir, account)
        values = {"folder": self.data_dir, "port": self.port, "postgres": self._postgres.port, "pool_size": POOL_SIZE}
        configuration, users = self.data_dir / "pgbouncer.ini", self.data_dir / "users.txt"
        configuration.write_text(_CONFIGURATION.format(**values))
        users.write_text('"clarion" ""\n')
        for file in (configuration, users):
            file.chmod(0o644)
        return [program, configuration], account.keywords if account else AsUser()

    def _answers(self, pid: int) -> bool:
        try:
            with psycopg.connect(self._url("pgbouncer"), autocommit=True, connect_timeout=2) as console:
                return console.execute("SHOW VERSION").fetchone() is not None
        except psycopg.OperationalError:
            return False
