"""The nginx of docs/deployment.md, word for word but for ports and certificate: real nginx, edges, web and sockets."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.test import Client as DjangoClient

from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from dev.ports import free_port
from dev.programs import NGINX
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import filled, person
from tests.certificates import self_signed
from tests.client import connected, opened
from tests.docs.blocks import blocks_of
from tests.environment import FOLDER
from tests.processes import Edge, Process, Web
from tests.programs import needed

pytestmark = pytest.mark.django_db(transaction=True)

MAIN = """
daemon off;
pid {folder}/pid;
worker_processes 1;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/mysite.conf;
}}
"""


class Nginx(Process):
    """The documented nginx, in front of two edges and a web."""

    def __init__(self, program: Path, edges: list[Edge], web: Web) -> None:
        self.port = free_port()
        folder = FOLDER / "nginx"
        folder.mkdir(exist_ok=True)
        self.certificate = self_signed(folder)
        (block,) = blocks_of("test_documented_nginx")
        text = block.text
        for documented, here in {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "127.0.0.1:8001": f"127.0.0.1:{edges[0].port}",
            "127.0.0.1:8011": f"127.0.0.1:{edges[1].port}",
            "127.0.0.1:8000": f"127.0.0.1:{web.port}",
            "/etc/ssl/mysite.example/fullchain.pem": str(self.certificate),
            "/etc/ssl/mysite.example/privkey.pem": str(self.certificate),
        }.items():
            assert documented in text
            text = text.replace(documented, here)
        (folder / "mysite.conf").write_text(text)
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
        super().__init__("nginx", str(program), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr")

    @property
    def url(self) -> str:
        return f"wss://127.0.0.1:{self.port}/ws/notification-updates/"

    @property
    def web(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def is_up(self) -> bool:
        assert self.popen is not None
        assert self.popen.poll() is None, self.said()
        try:
            return httpx.get(f"{self.web}/api/health", verify=self.tls, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


@pytest.fixture
def edges(db: None, valkey: str) -> Iterator[list[Edge]]:
    environment = {"CLARION_TRUSTED_PROXIES": "1", "CLARION_DRAIN_SECONDS": "0"} | on_test_database()
    with Edge("nginx-left", **environment) as left, Edge("nginx-right", **environment) as right:
        yield [left, right]


@pytest.fixture
def nginx(edges: list[Edge]) -> Iterator[Nginx]:
    program = needed(NGINX)
    with Web("nginx-web", edges[0], **on_test_database()) as web, Nginx(program, edges, web) as process:
        yield process


@sync_to_async
def cookie_of(user: object) -> str:
    browser = DjangoClient()
    browser.force_login(user)  # type: ignore[arg-type]
    return f"sessionid={browser.cookies['sessionid'].value}"


async def test_documented_nginx(nginx: Nginx, edges: list[Edge]) -> None:
    """Pages, sockets and event streams pass nginx with TLS, and the session cookie opens a socket."""
    ann = await person()
    headers = {"Cookie": await cookie_of(ann)}
    async with opened(nginx.url, origin=nginx.web, additional_headers=headers, ssl=nginx.tls) as client:
        assert (await client.next())["user_id"] == str(ann.pk)
        await filled(ann.pk, 2)
        assert [frame["seq"] for frame in await client.changes(2)] == [1, 2]
        async with httpx.AsyncClient(base_url=nginx.web, verify=nginx.tls, timeout=60) as browser:
            assert "<html" in (await browser.get("/", follow_redirects=True)).text
            assert (await browser.get("/api/metrics")).status_code == 404
            assert (await browser.get("/readyz")).status_code == 404  # the forum's, which has none
            assert (await browser.post("/sse/notification-updates/", content=b"a body")).status_code == 413
            token, _ = mint(ann.pk, get_settings())
            async with browser.stream("GET", f"/sse/notification-updates/?token={token}") as stream:
                events = (json.loads(line[6:]) async for line in stream.aiter_lines() if line.startswith("data: "))
                assert (await asyncio.wait_for(anext(events), 60))["type"] == "CONNECTED"
                await filled(ann.pk, 1, first=3)
                assert (await asyncio.wait_for(anext(events), 60))["seq"] == 3  # nginx holds nothing back


async def test_edge_that_stopped_behind_nginx(nginx: Nginx, edges: list[Edge]) -> None:
    """New sockets go to the other edge when one has stopped."""
    ann = await person()
    assert await asyncio.to_thread(edges[0].stop) == 0
    for _ in range(3):
        async with connected(nginx.url, ann, ssl=nginx.tls) as client:
            await client.nothing_came()
