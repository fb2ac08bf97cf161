"""A WebSocket without a library: sends whichever frames a test wants, and answers nothing by itself."""

import asyncio
import base64
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self, cast

from clarion.shared.protocol import SUBPROTOCOL

PATH = "/ws/notification-updates/"

#: A receive buffer for which the kernel takes its smallest.
SMALLEST_BUFFER_BYTES = 1

CONTINUATION, TEXT, CLOSE, PING, PONG = 0x0, 0x1, 0x8, 0x9, 0xA


def handshake(*lines: str, path: str = PATH, token: str | None = None) -> bytes:
    """The bytes of an opening handshake, with further header lines."""
    offered = [f"Sec-WebSocket-Protocol: {SUBPROTOCOL}, bearer.{token}"] if token else []
    key = base64.b64encode(os.urandom(16)).decode()
    head = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]  # fmt: skip
    return "\r\n".join([*head, *offered, *lines, "", ""]).encode()


def frame(opcode: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """One masked frame; the mask is zero, so the payload stands as it is."""
    size = len(payload)
    head = bytes([(0x80 if last else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", size)
    return head + bytes(4) + payload


class RawSocket:
    """One connection, after the handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(
        cls, port: int, *lines: str, path: str = PATH, token: str | None = None, receive_buffer: int | None = None
    ) -> Self:
        """Connect and shake hands. `receive_buffer` is its size in bytes; without it the kernel lets it grow."""
        connection = socket.socket()
        connection.setblocking(False)
        if receive_buffer is not None:
            # Before the connect, which announces the size of the window to the other side.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        except BaseException:
            connection.close()
            raise
        raw = cls(*await asyncio.open_connection(sock=connection))
        raw.send(handshake(*lines, path=path, token=token))
        try:
            await asyncio.wait_for(raw.reader.readuntil(b"\r\n\r\n"), 10)
        except BaseException:
            raw.abort()
            raise
        return raw

    @classmethod
    @asynccontextmanager
    async def unread(cls, port: int, *, token: str, path: str = PATH) -> AsyncIterator[Self]:
        """A connection of which nothing is read after the handshake, and little buffered; it ends with the block."""
        raw = await cls.open(port, token=token, path=path, receive_buffer=SMALLEST_BUFFER_BYTES)
        raw.transport.pause_reading()
        try:
            yield raw
        finally:
            raw.abort()

    async def receive(self, seconds: float = 10) -> tuple[int, bytes]:
        """The next frame: opcode and payload; raises IncompleteReadError at the end, TimeoutError."""
        async with asyncio.timeout(seconds):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0xF, await self.reader.readexactly(size)

    async def closed(self, seconds: float = 10) -> int | None:
        """The close code, with all frames before it dropped; None if the connection ends without one."""
        while True:
            try:
                opcode, payload = await self.receive(seconds)
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")

    @property
    def transport(self) -> asyncio.Transport:
        """Its transport, which asyncio's types give for writing only."""
        return cast(asyncio.Transport, self.writer.transport)

    def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    def abort(self) -> None:
        """Vanish without a word."""
        self.transport.abort()
