"""asyncio's twins of the micro rows, on its own loop and on uvloop: one JSON object, ns an operation.

usage: asyncio_micro.py [--uvloop]
"""

import asyncio
import json
import sys
import time

SPAWNED, HOPS, GATHERED, SLEEPERS, YIELDS = 10_000, 20_000, 10_000, 100_000, 50
CANCELLED, DEPTH = 1_000, 10


async def nothing():
    return 1


async def spawn_and_join():
    begun = time.perf_counter()
    for _ in range(SPAWNED):
        await asyncio.create_task(nothing())
    return (time.perf_counter() - begun) / SPAWNED


async def await_ready_child():
    begun = time.perf_counter()
    for _ in range(HOPS):
        await nothing()
    return (time.perf_counter() - begun) / HOPS


async def queue_hop():
    queue = asyncio.Queue(10)

    async def produce():
        for i in range(HOPS):
            await queue.put(i)

    producer = asyncio.create_task(produce())
    begun = time.perf_counter()
    for _ in range(HOPS):
        await queue.get()
    took = time.perf_counter() - begun
    await producer
    return took / HOPS


async def yield_1000_tasks():
    async def yield_often():
        for _ in range(YIELDS):
            await asyncio.sleep(0)

    begun = time.perf_counter()
    await asyncio.gather(*(yield_often() for _ in range(1_000)))
    return (time.perf_counter() - begun) / (1_000 * YIELDS)


async def gather_10000():
    begun = time.perf_counter()
    await asyncio.gather(*(nothing() for _ in range(GATHERED)))
    return (time.perf_counter() - begun) / GATHERED


async def sleep_100000_for_300ms():
    begun = time.perf_counter()
    await asyncio.gather(*(asyncio.sleep(0.3) for _ in range(SLEEPERS)))
    return time.perf_counter() - begun


async def cancel_frame():
    async def wait_deep(never, frames):
        if frames == 1:
            await never.wait()
        else:
            await wait_deep(never, frames - 1)

    never = asyncio.Event()
    tasks = [asyncio.create_task(wait_deep(never, DEPTH)) for _ in range(CANCELLED)]
    await asyncio.sleep(0)
    begun = time.perf_counter()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return (time.perf_counter() - begun) / (CANCELLED * DEPTH)


async def main():
    rows = (await_ready_child, yield_1000_tasks, spawn_and_join, queue_hop, gather_10000,
            sleep_100000_for_300ms, cancel_frame)
    print(json.dumps({row.__name__: await row() * 1e9 for row in rows}))


if "--uvloop" in sys.argv:
    import uvloop

    uvloop.install()
asyncio.run(main())
