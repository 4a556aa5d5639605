"""asyncio's echo server, by protocols (its fastest way), on its own loop or on uvloop.

usage: asyncio_echo.py [--uvloop]
"""

import asyncio
import json
import signal
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def main():
    loop = asyncio.get_running_loop()
    ends = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ends.set)
    server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=4096)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await ends.wait()


if "--uvloop" in sys.argv:
    import uvloop

    uvloop.install()
asyncio.run(main())
