"""Many websocket clients in a process of their own, as cheap as can be: they count frames and read nothing else.

Started with host, port, path, token and number of clients. Prints `open` once all are, and then, for each number that
it reads, waits until every client has been given that many more frames of events, and prints the moment.
"""

import asyncio
import base64
import os
import sys
import time

EVENT = b'"seq":'  # what frames of events have, and no other frame


class Client(asyncio.Protocol):
    frames = 0  # of all clients

    def __init__(self, request: bytes, opened: asyncio.Future) -> None:
        self.request, self.opened, self.tail = request, opened, b""

    def connection_made(self, transport) -> None:
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.opened.done() and b"\r\n\r\n" in data:
            self.opened.set_result(None)
        # A mark may be cut in two between two parts.
        Client.frames += (self.tail + data).count(EVENT)
        self.tail = data[-len(EVENT) + 1 :]

    def connection_lost(self, error) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("The socket was refused."))


async def main(host: str, port: int, path: str, token: str, count: int) -> None:
    loop = asyncio.get_running_loop()
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()
    for _ in range(count):
        opened = loop.create_future()
        await loop.create_connection(lambda opened=opened: Client(request, opened), host, port)
        await opened
    print("open", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        wanted = Client.frames + int(line) * count
        print("ready", flush=True)
        while Client.frames < wanted:
            await asyncio.sleep(0.002)
        print(time.time(), flush=True)


if __name__ == "__main__":
    host, port, path, token, count = sys.argv[1:]
    asyncio.run(main(host, int(port), path, token, int(count)))
