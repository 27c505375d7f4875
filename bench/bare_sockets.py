"""A websocket server that does nothing but hand the same frame to everybody: the limit of what Python can deliver.

Started with a port. Each number on its standard input is so many frames, of as many characters as an event has.
"""

import asyncio
import sys

from websockets.asyncio.server import broadcast, serve

LENGTH = 1100


async def main(port: int) -> None:
    async def hold(socket) -> None:
        await socket.wait_closed()

    async with serve(hold, "127.0.0.1", port, compression=None) as server:
        print("open", flush=True)
        while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
            for n in range(int(line)):
                broadcast(server.connections, f'{{"seq":{n},"text":"{"x" * LENGTH}"}}')
                await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
