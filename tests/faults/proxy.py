"""A link between two parts of the stack: a TCP proxy that can be cut, stalled, delayed and healed.

Input: connections to its own port. Output: the same bytes at the other end, unless the link is broken. It runs in the
harness's event loop; each command takes effect for open connections and for new ones.
"""

import asyncio
import contextlib
import socket
import struct

from tests.faults.background import Background

#: Bytes that one read of a connection takes.
CHUNK_BYTES = 65536

#: A linger of zero seconds: closing resets the connection, as by a peer that has crashed.
_RESET = struct.pack("ii", 1, 0)


class Link:
    """One proxied way to a port on this machine. The methods are called from the thread of the tests."""

    def __init__(self, background: Background, name: str, target: int) -> None:
        self.name = name
        self.target = target
        self._background = background
        self._delay = 0.0
        self._refusing = False
        self._flows = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = background.call(self._listen())

    def cut(self) -> None:
        """Reset all connections, and every new one, until healed."""
        self._refusing = True
        self.reset()

    def reset(self) -> None:
        """Reset the connections that are open now; new ones may be made."""
        self._background.call(self._reset())

    def stall(self) -> None:
        """Let nothing through, in either direction, and say nothing about it, until healed."""
        self._background.loop.call_soon_threadsafe(self._flows.clear)

    def delay(self, seconds: float) -> None:
        """Let everything through that much later, until healed."""
        self._delay = seconds

    def heal(self) -> None:
        """As if nothing had been."""
        self._delay = 0.0
        self._refusing = False
        self._background.loop.call_soon_threadsafe(self._flows.set)

    def close(self) -> None:
        """Stop listening, and reset open connections."""
        self._background.call(self._close())

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._writers) // 2

    async def _listen(self) -> int:
        self._flows.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1000)
        return int(self._server.sockets[0].getsockname()[1])

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            _abort(writer)
            return
        self._writers.add(writer)
        try:
            await self._flows.wait()
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self._writers.discard(writer)
            _abort(writer)
            return
        self._writers.add(onward)
        try:
            await asyncio.gather(self._pump(reader, onward), self._pump(onward_reader, writer))
        except OSError:
            pass
        finally:
            for one in (writer, onward):
                self._writers.discard(one)
                _abort(one)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._flows.wait()
            writer.write(chunk)
            await writer.drain()
        await self._flows.wait()
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _close(self) -> None:
        self._server.close()
        await self._reset()

    async def _reset(self) -> None:
        for writer in tuple(self._writers):
            _abort(writer)


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close at once, by a reset."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
