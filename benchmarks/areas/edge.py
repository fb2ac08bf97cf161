"""One edge process: frames out, sockets in, memory.

The same bytes go to the same number of sockets, each of a user of its own: from memory through bare Daphne and bare
uvicorn, through the stock layer and consumer, and through the edge. The process that reads the sockets also writes the
frames to Valkey, as prebuilt bytes, so that one core is left to the server.
"""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from django.contrib.auth.models import User
from rich.console import Console

from benchmarks.figures import RUNS, Figure, details, ratio
from benchmarks.sockets import Crowd, frame_size, handshake
from benchmarks.testbed import KIB, Server, daphne, edge, interleaved, uvicorn
from clarion.shared.channel_layer import channel_layer
from clarion.shared.groups import user_group
from clarion.shared.messages import frame_message
from clarion.shared.protocol import SUBPROTOCOL
from clarion.shared.settings import get_settings
from clarion.shared.tokens import mint
from clarion.shared.user_keys import Key

AREA = "edge"
#: Bytes of a frame, as a reply in a forum has.
FRAME_BYTES = 300
#: Frames of one run, over all sockets.
FRAMES = 60_000
#: Messages in flight before the sockets must have caught up: fewer than Redis buffers for a subscriber.
WINDOW = 10_000
CHUNK = 500

SETTINGS = {
    # The sockets of a benchmark do not acknowledge: bare servers would not process acknowledgements.
    "CLARION_CREDIT_FRAMES": "1000000",
    "CLARION_CREDIT_BYTES": "1000000000",
    "CLARION_QUIET_LOSS_SECONDS": "3600",
    "CLARION_CONNECTS_PER_MINUTE": "10000000",
}
USERS = 10_000

_PUSH = b"POST /push?rounds=%d&size=%d HTTP/1.1\r\nHost: benchmark\r\nContent-Length: 0\r\n\r\n"


def measure(console: Console) -> Iterator[Figure]:
    """Measure one edge process."""
    _make_users()
    for sockets, at_least in ((1_000, 5.0), (5_000, 10.0)):
        rates = _rates(console, sockets)
        runs = details(
            "edge {edge:,.0f}/s, Daphne {daphne:,.0f}/s, uvicorn {uvicorn:,.0f}/s, stock {stock:,.0f}/s", **rates
        )
        targets = {"daphne": ("bare Daphne", 0.9), "uvicorn": ("bare uvicorn", None),
                   "stock": ("stock layer and consumer", at_least)}  # fmt: skip
        for name, (title, target) in targets.items():
            yield ratio(
                f"edge.frames.{sockets}.{name}", AREA, f"frames/s of one edge, relative to {title}",
                f"{sockets:,} sockets, {FRAME_BYTES} bytes a frame", rates["edge"], rates[name], at_least=target,
                details=runs,
            )  # fmt: skip
    yield from _accepting(console)
    yield _reconnecting(console)


def _rates(console: Console, sockets: int) -> dict[str, list[float]]:
    """Frames a second of each server, run by run."""
    servers: dict[str, Callable[[int], float]] = {
        "daphne": lambda count: _bare(daphne("benchmarks.peers.bare:application"), count),
        "uvicorn": lambda count: _bare(uvicorn("benchmarks.peers.bare:application"), count),
        "edge": _edge_rate,
        "stock": _stock_rate,
    }
    rates: dict[str, list[float]] = {name: [] for name in servers}
    for name in interleaved(RUNS, list(servers)):
        rates[name].append(servers[name](sockets))
        console.print(f"  {sockets:,} sockets, {name}: {rates[name][-1]:,.0f} frames/s", style="dim")
    return rates


def _bare(server: Server, sockets: int) -> float:
    with server, closing(Crowd(server.port, first_frame=False)) as crowd:
        crowd.connect([handshake("/")] * sockets)
        rounds = FRAMES // sockets
        with socket.create_connection(("127.0.0.1", server.port)) as asking:
            begun = time.perf_counter()
            asking.sendall(_PUSH % (rounds, FRAME_BYTES))
            crowd.read_until(sockets * rounds * frame_size(FRAME_BYTES))
            return sockets * rounds / (time.perf_counter() - begun)


def _edge_rate(sockets: int) -> float:
    rounds = FRAMES // sockets
    with edge(**SETTINGS) as server, closing(Crowd(server.port, first_frame=True)) as crowd:
        users = _users(sockets)
        crowd.connect([handshake_of(user) for user in users])
        channels = [channel_layer().channel_of(user_group(user)).encode() for user in users]
        text = "x" * FRAME_BYTES
        messages = [channel_layer().serialize(frame_message(number, text)) for number in range(1, rounds + 1)]
        return published(crowd, channels, messages)


def _stock_rate(sockets: int) -> float:
    rounds = max(4, FRAMES // sockets // 4)  # it is slower, and as many frames would take long
    settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.peers.stock_settings"}
    content = {"text": "x" * (FRAME_BYTES - len('{"text": ""}'))}
    with (
        daphne("benchmarks.peers.stock:application", **settings) as server,
        closing(Crowd(server.port, first_frame=False)) as crowd,
    ):
        crowd.connect([handshake(f"/?user={number}") for number in range(sockets)])
        channels = [b"asgi__group__user_%d" % number for number in range(sockets)]
        return published(crowd, channels, [channel_layer().serialize({"type": "notify", "content": content})] * rounds)


def published(crowd: Crowd, channels: Sequence[bytes], messages: Sequence[bytes]) -> float:
    """Publish each message to every channel, as fast as Redis accepts; return frames a second until the last one."""
    commands = [publish_command(channel, message) for message in messages for channel in channels]
    size = frame_size(FRAME_BYTES)
    start = crowd.bytes
    with socket.create_connection(("127.0.0.1", valkey_port())) as valkey:
        begun = time.perf_counter()
        for sent in range(0, len(commands), CHUNK):
            chunk = commands[sent : sent + CHUNK]
            valkey.sendall(b"".join(chunk))
            read_replies(valkey, len(chunk))
            crowd.read()
            if sent > WINDOW:
                crowd.read_until(start + (sent - WINDOW) * size)
        crowd.read_until(start + len(commands) * size)
        return len(commands) / (time.perf_counter() - begun)


def publish_command(channel: bytes, message: bytes) -> bytes:
    """Return the bytes of a PUBLISH command."""
    return b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(channel), channel, len(message), message)


def read_replies(valkey: socket.socket, count: int) -> None:
    """Read so many replies."""
    seen = 0
    while seen < count:
        seen += valkey.recv(65536).count(b"\n")


def _accepting(console: Console, sockets: int = 2_000) -> Iterator[Figure]:
    """Measure connects a second, and the memory of an idle socket."""
    rates: dict[str, list[float]] = {"daphne": [], "edge": []}
    memory: dict[str, list[float]] = {"daphne": [], "edge": []}
    for name in interleaved(RUNS, list(rates)):
        server = edge(**SETTINGS) if name == "edge" else daphne("benchmarks.peers.bare:application")
        hands = [handshake_of(user) for user in _users(sockets)] if name == "edge" else [handshake("/")] * sockets
        with server, closing(Crowd(server.port, first_frame=name == "edge")) as crowd:
            crowd.connect(hands[:100])
            before = server.rss()
            rates[name].append((sockets - 100) / crowd.connect(hands[100:]))
            memory[name].append((server.rss() - before) / (sockets - 100) / KIB)
        console.print(f"  {name}: {rates[name][-1]:,.0f} connects/s, {memory[name][-1]:.1f} KiB a socket", style="dim")
    load = f"{sockets:,} sockets, each with a token"
    yield ratio(
        "edge.connects", AREA, "connects/s with token and inbox query, relative to bare Daphne", load,
        rates["edge"], rates["daphne"], at_least=0.7,
        details=details("edge {edge:,.0f}/s, Daphne {daphne:,.0f}/s", **rates),
    )  # fmt: skip
    yield ratio(
        "edge.memory", AREA, "memory of an idle socket, relative to bare Daphne", load,
        memory["edge"], memory["daphne"], at_most=1.2,
        details=details("edge {edge:.1f} KiB, Daphne {daphne:.1f} KiB", **memory),
    )  # fmt: skip


def _reconnecting(console: Console, sockets: int = USERS) -> Figure:
    """All clients of a full edge reconnect concurrently, with cursors."""
    times: dict[str, list[float]] = {"daphne": [], "edge": []}
    for name in interleaved(RUNS, list(times)):
        server = edge(**SETTINGS) if name == "edge" else daphne("benchmarks.peers.bare:application")
        hands = [handshake("/")] * sockets
        if name == "edge":
            hands = [handshake_of(user, "?since=0&epoch=0") for user in _users(sockets)]
        with server, closing(Crowd(server.port, first_frame=name == "edge")) as crowd:
            times[name].append(crowd.connect(hands, concurrency=2_000))
        console.print(f"  {sockets:,} reconnect, {name}: {times[name][-1]:.1f} s", style="dim")
    return ratio(
        "edge.reconnect", AREA, "time to reconnect all clients with cursors, relative to bare Daphne accepting them",
        f"{sockets:,} sockets, 2,000 concurrent handshakes", times["edge"], times["daphne"], at_most=2.0,
        details=details("edge {edge:.1f} s, Daphne {daphne:.1f} s", **times),
    )  # fmt: skip


def _make_users() -> None:
    missing = USERS - User.objects.filter(username__startswith="socket-").count()
    User.objects.bulk_create(User(username=f"socket-{number}") for number in range(missing))


def _users(count: int) -> list[int]:
    return list(User.objects.filter(username__startswith="socket-").order_by("pk").values_list("pk", flat=True)[:count])


def handshake_of(user_id: Key, query: str = "") -> bytes:
    """Return the handshake of a client with a token of this user."""
    token, _ = mint(user_id, get_settings())
    return handshake(
        f"/ws/notification-updates/{query}", [("Sec-WebSocket-Protocol", f"{SUBPROTOCOL}, bearer.{token}")]
    )


def valkey_port() -> int:
    """Return the port of the channel layer's Redis."""
    return int(get_settings().channel_layer_url[0].get_secret_value().rsplit(":", 1)[1].split("/")[0])
