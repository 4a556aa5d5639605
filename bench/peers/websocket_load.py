"""A second load for WebSocket echo servers, on Python's websockets, to check bench_websocket_load against: connections
that each send a message, wait for its echo, and send again.

usage: websocket_load.py PORT CONNECTIONS BYTES SECONDS
"""

import asyncio
import json
import sys
import time

import websockets

WARM_UP = 0.1  # of the time


async def main(port: int, connections: int, size: int, seconds: float) -> None:
    message = bytes(size)
    begin = time.monotonic() + seconds * WARM_UP
    end = begin + seconds

    async def ask_again_and_again() -> int:
        counted = 0
        async with websockets.connect(f"ws://127.0.0.1:{port}/", compression=None, max_size=None) as ws:
            while (now := time.monotonic()) < end:
                await ws.send(message)
                assert await ws.recv() == message
                counted += now >= begin
        return counted

    counts = await asyncio.gather(*(ask_again_and_again() for _ in range(connections)))
    print(json.dumps({"round_trips": sum(counts), "seconds": seconds}))


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
