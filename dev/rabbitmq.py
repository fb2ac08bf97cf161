"""RabbitMQ as a child process.

Input: a data folder and a port, as for the servers in servers.py. Output: one node on 127.0.0.1, and the port mapper
that Erlang needs. Both end with this process. Only tests use it.
"""

import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

from dev import children
from dev.account import AsUser
from dev.ports import free_port
from dev.programs import RABBITMQ
from dev.servers import Server, ServerFailed

#: Seconds for the port mapper to end when asked to.
_MAPPER_PATIENCE_SECONDS = 5

#: Seconds for RabbitMQ to answer the first bytes of a connection.
_ANSWER_SECONDS = 1

#: What a client of AMQP 0-9-1 says first, and the type of the frame that it is answered with.
_HELLO = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"


class RabbitMQ(Server):
    """One node of RabbitMQ, with its own user `guest`. Its messages survive a restart."""

    name = "RabbitMQ"
    process_names = ("beam.smp",)
    stop_signal = signal.SIGTERM

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        super().__init__(data_dir, port)
        self._mapper_port = free_port()
        self._distribution_port = free_port()
        self._mapper: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> Self:
        """Start the port mapper too: the node would start one that outlives us."""
        if self._mapper is None or self._mapper.poll() is not None:
            self._mapper = subprocess.Popen(  # noqa: S603 - Erlang's own program
                ["epmd", "-address", "127.0.0.1", "-port", str(self._mapper_port)],  # noqa: S607
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=children.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )
        return super().start()

    def stop(self) -> None:
        """Stop the node, then the port mapper."""
        super().stop()
        if self._mapper is not None:
            children.stop(self._mapper, signal.SIGTERM, _MAPPER_PATIENCE_SECONDS)
            self._mapper = None

    def _prepare(self) -> tuple[list[str | Path], AsUser]:
        program = RABBITMQ.path()
        if program is None:
            raise ServerFailed(RABBITMQ.advice)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        plugins, configuration = self.data_dir / "enabled_plugins", self.data_dir / "rabbitmq.conf"
        plugins.write_text("[].\n")
        configuration.write_text("loopback_users.guest = true\nlog.console = true\n")
        variables = {
            "HOME": self.data_dir,  # the cookie by which nodes know each other
            "ERL_EPMD_PORT": self._mapper_port,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"clarion{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": self._distribution_port,
            "RABBITMQ_MNESIA_BASE": self.data_dir / "mnesia",
            "RABBITMQ_LOG_BASE": self.data_dir / "log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": plugins,
            "RABBITMQ_CONFIG_FILE": configuration,
            "RABBITMQ_CONF_ENV_FILE": self.data_dir / "none.conf",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput +S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_ALLOW_INPUT": "1",  # the script becomes the node, rather than to watch over it
        }
        return ["env", *(f"{name}={value}" for name, value in variables.items()), program], AsUser()

    def _answers(self, pid: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_ANSWER_SECONDS) as client:
                client.sendall(_HELLO)
                return client.recv(1) == _METHOD_FRAME
        except OSError:
            return False
