"""The edge in a project's own ASGI application (docs/howto/mount-the-edge.md): real uvicorn, real Daphne."""

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets
from asgiref.sync import sync_to_async
from django.db import connection

from clarion.shared.protocol import Close
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from dev.ports import free_port
from tests.acceptance.steps import filled, person, until
from tests.client import connected
from tests.docs.blocks import blocks_of
from tests.environment import DATABASES, FOLDER
from tests.processes import BIN, ROOT, Answering

pytestmark = pytest.mark.django_db(transaction=True)

#: The project beside Clarion: a socket that repeats each message.
CONSUMERS = """
from channels.generic.websocket import WebsocketConsumer

class Chat(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data)
"""
#: The settings of a project name its database themselves, and the variable that an edge of its own reads another one.
SETTINGS = """
from examples.forum.settings import *
DATABASES["default"]["NAME"] = "{database}"
"""
PROBES = "/internal/edge/"
DRAIN_SECONDS = "1"


class Server(Answering):
    """A server with the project's application, which is a block of the how-to."""

    def __init__(self, name: str, asgi: str, *command: str) -> None:
        self.port = free_port()
        self.folder = FOLDER / name
        (self.folder / "mysite").mkdir(parents=True, exist_ok=True)
        (self.folder / "mysite" / "consumers.py").write_text(CONSUMERS)
        (self.folder / "mysite" / "asgi.py").write_text(asgi)
        (self.folder / "mysite" / "settings.py").write_text(SETTINGS.format(database=connection.settings_dict["NAME"]))
        environment = {
            "PYTHONPATH": f"{self.folder}:{ROOT}",
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "DATABASE_URL": f"{DATABASES.url.rpartition('/')[0]}/of-nobody",
            "CLARION_DRAIN_SECONDS": DRAIN_SECONDS,
        }
        program = [str(BIN / command[0]), *command[1:]]
        super().__init__(name, *program, "--port", str(self.port), **environment)

    def working_folder(self) -> Path:
        return self.folder

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/notification-updates/"

    def is_up(self) -> bool:
        assert self.popen is not None
        assert self.popen.poll() is None, self.said()
        return self.answers("/api/health")


def documented(*, sockets: bool) -> str:
    """Return the application of the how-to, with or without sockets of its own, and with probes."""
    written = [one.text for one in blocks_of("test_mounted_edge") if one.language == "python"]
    (asgi,) = [text for text in written if ("ProtocolTypeRouter" in text) is sockets]
    return re.sub(r"mount\((.*)\)\n$", rf'mount(\1, probes="{PROBES}")\n', asgi)


def uvicorn(*options: str) -> tuple[str, ...]:
    """Return the documented command of uvicorn, without its port."""
    (block,) = [one.text for one in blocks_of("test_mounted_edge") if one.language == "sh"]
    words = block.split()
    port = words.index("--port")
    return (*words[:port], *words[port + 2 :], *options)


DAPHNE = ("daphne", "--bind", "127.0.0.1", "mysite.asgi:application")


@pytest.fixture(params=["uvicorn", "uvicorn-sansio", "daphne"])
def server(request: pytest.FixtureRequest, db: None, valkey: str) -> Iterator[Server]:
    command = {
        "uvicorn": uvicorn("--ws", "websockets"),
        "uvicorn-sansio": uvicorn("--ws", "websockets-sansio"),
        "daphne": DAPHNE,
    }[request.param]
    with Server(f"mounted-{request.param}", documented(sockets=request.param != "uvicorn"), *command) as process:
        yield process


async def test_mounted_edge(server: Server) -> None:
    """Sockets, event streams and the project's own pages share a port; SIGTERM closes the sockets with a goodbye."""
    ann = await person()
    async with connected(server.url, ann) as client:
        await filled(ann.pk, 2)
        assert [frame["seq"] for frame in await client.changes(2)] == [1, 2]
        await client.nothing_came()

        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as browser:
            assert "<html" in (await browser.get("/", follow_redirects=True)).text
            refused = await browser.post("/api/token", json={"a": "body"})
            assert refused.status_code in (401, 403), refused.text  # by the project, which has read the body
            assert (await browser.get(f"{PROBES}readyz")).json()["sockets"] == 1
            assert (await browser.get("/readyz")).status_code == 404
            token, _ = mint(ann.pk, get_settings())
            address = f"/sse/notification-updates/?token={token}"
            async with browser.stream("GET", address) as stream:
                events = (json.loads(line[6:]) async for line in stream.aiter_lines() if line.startswith("data: "))
                assert (await anext(events))["type"] == "CONNECTED"
                await filled(ann.pk, 1, first=3)
                assert (await anext(events))["seq"] == 3

        assert server.popen is not None
        server.popen.send_signal(signal.SIGTERM)
        assert (await client.next())["seq"] == 3
        goodbye = await client.next()
        assert goodbye["type"] == "GOING_AWAY"
        assert await client.closed() == Close.GOING_AWAY
        await until(lambda: server.exit_code() is not None, server.said)
        assert "Traceback" not in server.said()


async def test_own_sockets_beside_mounted_edge(db: None, valkey: str) -> None:
    """The project's own socket answers, and does not have the limits of Clarion's."""
    server = await sync_to_async(Server)("mounted-beside", documented(sockets=True), *uvicorn())
    with server:
        async with websockets.connect(f"ws://127.0.0.1:{server.port}/ws/chat/") as chat:
            large = "x" * (get_settings().message_bytes * 2)
            await chat.send(large)
            assert await asyncio.wait_for(chat.recv(), 60) == large


async def test_slow_client_of_mounted_edge(db: None, valkey: str) -> None:
    """A client that reads nothing for a while receives every frame afterwards, in order."""
    ann = await person()
    server = await sync_to_async(Server)("mounted-slow", documented(sockets=False), *uvicorn())
    with server:
        async with connected(server.url, ann, max_queue=1) as client:
            await filled(ann.pk, 300, size=20_000)
            assert await client.all_changes(300) == list(range(1, 301))
