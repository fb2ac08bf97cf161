"""compose.yml, run here without containers: start, one notification through all services, a deploy under load."""

import asyncio
import datetime
import ipaddress
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.models import User

from clarion.shared.settings import get_settings
from dev.programs import HAPROXY
from tests.acceptance.containers import DATABASE, Stack
from tests.acceptance.follower import Follower
from tests.client import Client, opened
from tests.compose import ROOT, SECRETS
from tests.environment import FOLDER, POSTGRES
from tests.programs import needed
from tests.tasks import running

#: Signing in and posting, as a person does through the browser.
PASSWORD = "a password that only this test knows"

#: So that a test need not wait for a drain of twenty.
SHORT = {"CLARION_DRAIN_SECONDS": "2"}

#: Longest wait for an answer over HTTP (seconds).
ANSWER_SECONDS = 15

#: Time between two posts while all services are replaced (seconds).
BETWEEN_POSTS_SECONDS = 0.1


@pytest.fixture(scope="module")
def certificate() -> Path:
    """A certificate for `localhost`, that trusts itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = FOLDER / "compose.pem"
    file.write_bytes(
        made.public_bytes(encoding) + key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    )
    return file


@pytest.fixture(scope="module")
def stack(django_db_setup: None, certificate: Path) -> Iterator[Stack]:
    """Everything of compose.yml, in production: no debugging, https."""
    needed(HAPROXY)
    # The key of this run, so that a test may mint tokens.
    secret = {"CLARION_SECRET_KEY": get_settings().secret_key.get_secret_value()}
    variables = SECRETS | secret | SHORT | {"CLARION_TLS_CERTIFICATE": str(certificate)}
    with Stack(certificate, variables).running() as stack:
        people = "; ".join(f"User.objects.create_user({name!r}, password={PASSWORD!r})" for name in ("ann", "ben"))
        seeded = subprocess.run(
            ["python", "-m", "django", "shell", "-c", f"from django.contrib.auth.models import User; {people}"],
            cwd=ROOT,
            env=stack.of("web-1")[0].surroundings(),
            capture_output=True,
            check=False,
        )
        assert seeded.returncode == 0, seeded.stderr.decode()
        yield stack


class Visitor:
    """A signed-in user of a browser."""

    def __init__(self, stack: Stack, certificate: Path, username: str) -> None:
        self.address = f"localhost:{stack.balancer.ports['8443']}"
        self.tls = ssl.create_default_context(cafile=certificate)
        self.http = httpx.Client(base_url=f"https://{self.address}", verify=self.tls, timeout=ANSWER_SECONDS)
        self.post("/sign-in/", username=username, password=PASSWORD)

    def post(self, page: str, **fields: str) -> str:
        """Fill in the form of a page; where it leads."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.http.get(page).text)
        assert token, page
        fields["csrfmiddlewaretoken"] = token[1]
        answer = self.http.post(page, data=fields, headers={"referer": f"https://{self.address}{page}"})
        assert answer.status_code == 302, (answer.status_code, answer.text[:2000])
        return answer.headers["location"]


@pytest.fixture
def people(stack: Stack, certificate: Path) -> Iterator[tuple[Visitor, Visitor]]:
    """Ann and Ben."""
    ann, ben = (Visitor(stack, certificate, username) for username in ("ann", "ben"))
    with closing(ann.http), closing(ben.http):
        yield ann, ben


def test_https_only_and_private_metrics(stack: Stack, people: tuple[Visitor, Visitor]) -> None:
    """The stack answers by HTTPS only and hides its metrics from outside."""
    address = f"localhost:{stack.balancer.ports['8080']}"
    answer = httpx.get(f"http://{address}/threads/new/")
    assert (answer.status_code, answer.headers["location"].split(":")[0]) == (308, "https")
    ann, _ = people
    assert "Secure" in ann.http.get("/").headers.get("set-cookie", "Secure")
    assert ann.http.get("/").headers["strict-transport-security"].startswith("max-age=31536000")
    assert ann.http.get("/metrics").status_code == 404
    assert ann.http.get("/api/metrics").status_code == 404
    assert ann.http.get("/readyz").status_code == 404


def test_flower_password(stack: Stack) -> None:
    """Flower asks for its password."""
    (flower,) = stack.of("flower")
    address = f"http://127.0.0.1:{flower.ports['8002']}/"
    assert httpx.get(address).status_code == 401
    assert httpx.get(address, auth=("clarion", SECRETS["CLARION_FLOWER_PASSWORD"])).status_code == 200


async def test_reply_through_balancer(people: tuple[Visitor, Visitor]) -> None:
    """A reply reaches the socket of another user through the load balancer."""
    ann, ben = people
    place = await asyncio.to_thread(ann.post, "/threads/new/", title="Bread", body="Who bakes?")
    headers = {"Cookie": f"sessionid={ann.http.cookies['sessionid']}"}
    socket = f"wss://{ann.address}/ws/notification-updates/"
    async with opened(
        socket, ssl=ann.tls, additional_headers=headers, origin=f"https://{ann.address}", subprotocols=["clarion.v1"]
    ) as client:
        assert (await client.next())["type"] == "CONNECTED"
        await asyncio.to_thread(ben.post, place, body="I do.")
        frame = await the_next_created(client)
        assert (frame["notificationType"], frame["actor"]["username"]) == ("THREAD_REPLY", "ben")


async def the_next_created(client: Client) -> dict[str, object]:
    frame = await client.next()
    assert frame["type"] == "NOTIFICATION_CREATED", frame
    return frame


@pytest.mark.timeout(600)
async def test_documented_deploy_order(stack: Stack, people: tuple[Visitor, Visitor]) -> None:
    """A deploy in the documented order loses, repeats and delays nothing."""
    ann, ben = people
    place = await asyncio.to_thread(ann.post, "/threads/new/", title="A deploy", body="Go on.")
    head = (await asyncio.to_thread(ann.http.get, "/api/inbox")).json()["seq"]
    user = User(pk=(await asyncio.to_thread(ids))["ann"])
    follower = Follower(f"wss://{ann.address}/ws/notification-updates/", user, ssl=ann.tls)
    follower.seqs.append(head)
    posted: list[float] = []
    enough = asyncio.Event()
    async with running(follower.follow()):
        writing = asyncio.create_task(writes(ben, place, posted, enough))
        try:
            await until(lambda: follower.connects and len(posted) > 3, "nothing is written")
            await asyncio.to_thread(stack.migrate)
            for service in order_of_a_deploy():
                before = len(posted)
                containers = stack.of(service)
                codes = await asyncio.gather(*(asyncio.to_thread(container.stop) for container in containers))
                assert codes == [0] * len(containers), service
                # In this thread: where the one that started them ends, they would end too.
                for container in containers:
                    container.start()
                for container in containers:
                    await asyncio.to_thread(container.wait_until_well)
                await until(lambda since=before: len(posted) > since, "nothing is written", writing)
            await until(lambda: len(posted) > 20, "too little is written", writing)
        finally:
            enough.set()
        await writing
        written = len(posted)
        await until(
            lambda: len(follower.seqs) - 1 >= written,
            lambda: f"{len(follower.seqs) - 1} of {written} arrived",
        )
    assert follower.seqs == list(range(head, head + written + 1))
    assert follower.resyncs == 0
    assert follower.connects >= 2
    assert max(posted) < ANSWER_SECONDS / 2, "somebody waited"


def ids() -> dict[str, int]:
    """The users' ids, by their names."""
    with psycopg.connect(POSTGRES.url.rsplit("/", 1)[0] + f"/{DATABASE}") as connection:
        return dict(connection.execute("SELECT username, id FROM auth_user").fetchall())


def order_of_a_deploy() -> list[str]:
    """As docs/upgrade.md has it."""
    section = (ROOT / "docs/upgrade.md").read_text().split("\n## Order of a deploy\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if "docker compose up --detach --no-deps" in line]
    services = [word for line in lines for word in line.split("--no-deps")[1].split() if not word.startswith("-")]
    assert services == [
        *("worker-live", "worker-bursts", "worker-jobs", "beat", "edge-1", "edge-2", "web-1", "web-2", "flower")
    ]
    return services


async def writes(visitor: Visitor, place: str, posted: list[float], enough: asyncio.Event) -> None:
    """Post, one after the other, noting how long each took (seconds)."""
    while not enough.is_set():
        begun = time.monotonic()
        await asyncio.to_thread(visitor.post, place, body="And another thing.")
        posted.append(time.monotonic() - begun)
        with suppress(TimeoutError):
            await asyncio.wait_for(enough.wait(), BETWEEN_POSTS_SECONDS)


async def until(condition, why_not, beside: asyncio.Task[None] | None = None) -> None:
    """Wait for a condition, unless the task beside it fails first."""
    deadline = time.monotonic() + 60
    while not condition():
        if beside is not None and beside.done():
            await beside
        assert time.monotonic() < deadline, why_not if isinstance(why_not, str) else why_not()
        await asyncio.sleep(0.05)
