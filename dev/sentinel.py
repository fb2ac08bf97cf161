"""A Valkey, a replica of it, and a sentinel that watches them, as child processes.

Input: a data folder. Output: the `url` by which clients find the current primary, and `primary`, for tests that kill
it. Only tests use it.
"""

import signal
from pathlib import Path
from typing import Self

import redis

from dev.account import AsUser
from dev.binaries import find_valkey
from dev.servers import Server, Valkey, speaks_redis

NAME = "clarion"

_CONFIGURATION = """
bind 127.0.0.1
port {port}
dir {folder}
sentinel monitor {name} 127.0.0.1 {primary} 1
sentinel down-after-milliseconds {name} 500
sentinel failover-timeout {name} 2000
"""


class Replica(Valkey):
    """A Valkey that copies another."""

    def __init__(self, data_dir: Path, of: Valkey) -> None:
        super().__init__(data_dir)
        self._of = of

    def _prepare(self) -> tuple[list[str | Path], AsUser]:
        command, as_user = super()._prepare()
        return [*command, "--replicaof", f"127.0.0.1 {self._of.port}", "--repl-diskless-sync-delay", "0"], as_user

    def copies(self) -> bool:
        """Whether it is connected to its primary."""
        with redis.Redis(port=self.port) as client:
            return bool(client.info("replication").get("master_link_status") == "up")


class Sentinel(Server):
    """A sentinel, with the two that it watches."""

    name = "Sentinel"
    process_names = ("valkey-server", "redis-server", "valkey-sentinel")
    stop_signal = signal.SIGTERM

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        super().__init__(data_dir, port)
        self.primary = Valkey(data_dir.with_name(f"{data_dir.name}-primary"))
        self.replica = Replica(data_dir.with_name(f"{data_dir.name}-replica"), self.primary)

    @property
    def url(self) -> str:
        """The address of the server."""
        return self.database_url(0)

    def database_url(self, number: int) -> str:
        """Return the URL of one of the databases."""
        return f"sentinel://127.0.0.1:{self.port}/{NAME}/{number}"

    def start(self) -> Self:
        """Start the two, then the sentinel."""
        self.primary.start()
        self.replica.start()
        return super().start()

    def stop(self) -> None:
        """Stop the sentinel, then the two."""
        super().stop()
        self.replica.stop()
        self.primary.stop()

    def knows_the_replica(self) -> bool:
        """Whether a failover would have somewhere to go."""
        with redis.Redis(port=self.port) as client:
            return self.replica.copies() and len(client.sentinel_slaves(NAME)) > 0

    def _prepare(self) -> tuple[list[str | Path], AsUser]:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        configuration = self.data_dir / "sentinel.conf"
        values = {"port": self.port, "folder": self.data_dir, "name": NAME, "primary": self.primary.port}
        configuration.write_text(_CONFIGURATION.format(**values))
        return [find_valkey(), configuration, "--sentinel"], AsUser()

    def _answers(self, pid: int) -> bool:
        return speaks_redis(self.port, pid)
