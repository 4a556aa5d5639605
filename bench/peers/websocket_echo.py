"""WebSocket echo servers in Python, without compression.

usage: websocket_echo.py websockets|aiohttp
"""

import asyncio
import json
import signal
import sys


def _say(sockets):
    print(json.dumps({"port": sockets[0].getsockname()[1]}), flush=True)


async def _serve_websockets(ends):
    import websockets

    async def echo(ws, *_):
        async for m in ws:
            await ws.send(m)

    async with websockets.serve(echo, "127.0.0.1", 0, compression=None, max_size=None) as server:
        _say(server.sockets)
        await ends.wait()


async def _serve_aiohttp(ends):
    from aiohttp import WSMsgType, web

    async def echo(request):
        ws = web.WebSocketResponse(compress=False, max_msg_size=0)
        await ws.prepare(request)
        async for m in ws:
            await (ws.send_str(m.data) if m.type == WSMsgType.TEXT else ws.send_bytes(m.data))
        return ws

    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _say(site._server.sockets)
    await ends.wait()


async def main():
    ends = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ends.set)
    await (_serve_aiohttp if sys.argv[1] == "aiohttp" else _serve_websockets)(ends)


asyncio.run(main())
