"""
A TCP proxy that does to connections what bad networks and sick servers do.

The field's is Toxiproxy (github.com/Shopify/toxiproxy), a program in Go; what is needed of it is small.
"""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from enum import StrEnum
from typing import Final

from bench.chaos.background import Background

READ_BYTES: Final = 65_536
# 200 ± 200 ms on the way back.
MOST_LATENCY_SECONDS: Final = 0.4
SICK_SHARE: Final = 0.05
# With it, closing sends RST and drops what was not sent (socket(7), SO_LINGER).
NO_LINGER: Final = struct.pack("ii", 1, 0)

# A host and its port, or the path of a Unix socket.
Upstream = tuple[str, int] | str


class Toxic(StrEnum):
    """What a proxy does to its connections."""

    NONE = "none"
    LATENCY = "latency"  # each piece of an answer is late
    RESETS = "resets"  # some connections are reset in place of an answer
    ERRORS = "errors"  # some requests get an error of the server's own, and the connection ends
    SILENCE = "silence"  # nothing goes through in either direction; connections stay open


class Proxy:
    """
    Stands before one server.

    :param upstream: where that listens; it may come and go
    :param error: what the server would say where it fails
    """

    def __init__(self, upstream: Upstream, *, error: bytes = b"", seed: int = 7) -> None:
        self.upstream = upstream
        self.error = error
        self.port = 0
        self._toxic = Toxic.NONE
        self._chance = random.Random(seed)  # noqa: S311 -- the same draws in each run
        self._flows = asyncio.Event()
        self._flows.set()
        self._served: set[asyncio.Task[None]] = set()

    @property
    def toxic(self) -> Toxic:
        """What is done to connections now."""
        return self._toxic

    def set_toxic(self, toxic: Toxic) -> None:
        """Do something else from now on, to open connections too. For the loop's thread alone."""
        self._toxic = toxic
        if toxic is Toxic.SILENCE:
            self._flows.clear()
        else:
            self._flows.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        """Take connections at a free port of this machine."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for one in self._served:
                one.cancel()
            await asyncio.gather(*self._served, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._served.add(task)
        task.add_done_callback(self._served.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await self._connect()
        except OSError:
            _reset(writer)
            return
        ways = [
            asyncio.ensure_future(self._ask(reader, there[1], writer)),
            asyncio.ensure_future(self._answer(there[0], writer)),
        ]
        try:
            # Where one way ends, so does the other: nothing here talks over half a connection.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            # A server that is frozen would keep what was written to it from ever being sent.
            there[1].transport.abort()
            writer.close()
            await asyncio.gather(*ways, writer.wait_closed(), return_exceptions=True)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.upstream, str):
            return await asyncio.open_unix_connection(self.upstream)
        return await asyncio.open_connection(*self.upstream)

    async def _ask(
        self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(READ_BYTES):
                await self._flows.wait()
                if self._is_sick(Toxic.RESETS):
                    _reset(back)
                    return
                if self._is_sick(Toxic.ERRORS):
                    back.write(self.error)
                    return
                there.write(piece)
                await there.drain()

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await there.read(READ_BYTES):
                if self._toxic is Toxic.LATENCY:
                    await asyncio.sleep(self._chance.uniform(0, MOST_LATENCY_SECONDS))
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()

    def _is_sick(self, toxic: Toxic) -> bool:
        return self._toxic is toxic and self._chance.random() < SICK_SHARE


@contextmanager
def listening(background: Background, proxies: Sequence[Proxy]) -> Iterator[None]:
    """Let proxies take connections until the block ends."""
    opened = AsyncExitStack()
    try:
        for proxy in proxies:
            background.run(opened.enter_async_context(proxy.listening()))
        yield
    finally:
        background.run(opened.aclose())


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    writer.transport.abort()
