"""aiohttp's client on uvloop (without it on asyncio's loop): tasks that ask for one URL again and again.

usage: aiohttp_client.py URL CONNECTIONS SECONDS [UNIX_SOCKET]
"""

import asyncio
import json
import resource
import sys
import time

import aiohttp

try:
    import uvloop

    uvloop.install()
except ImportError:
    pass


async def main(url, connections, seconds, unix_socket=None):
    requests = 0

    async def ask(session):
        nonlocal requests
        while True:
            async with session.get(url) as response:
                await response.read()
            requests += 1

    connector = (aiohttp.UnixConnector(unix_socket, limit=connections) if unix_socket
                 else aiohttp.TCPConnector(limit=connections))
    async with aiohttp.ClientSession(connector=connector) as session:
        tasks = [asyncio.create_task(ask(session)) for _ in range(connections)]
        await asyncio.sleep(seconds / 10)
        before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        requests = 0
        await asyncio.sleep(seconds)
        after, took, counted = (resource.getrusage(resource.RUSAGE_SELF),
                                time.perf_counter() - begun, requests)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps({
        "requests": counted, "failed": 0, "seconds": took,
        "user_cpu_s": after.ru_utime - before.ru_utime,
        "system_cpu_s": after.ru_stime - before.ru_stime,
    }))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:]))
