"""A server on loopback that answers what a test tells it to, and remembers what it was asked."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass
class GraphServer:
    """`answers` are given one after the other, the last of them again and again."""

    port: int
    calls: list[Call] = field(default_factory=list)
    answers: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    is_cut: bool = False  # hangs up instead of an answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, status: int, body: Any, **headers: str) -> None:
        """The next answer: JSON, or bytes as they are. Underscores in names of headers stand for hyphens."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, content, {name.replace("_", "-"): value for name, value in headers.items()}))

    def refuse(self, status: int, code: int, subcode: int = 0, *, is_transient: bool = False, **headers: str) -> None:
        error = {"message": f"(#{code}) No.", "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
        error |= {"error_subcode": subcode} if subcode else {}
        error |= {"is_transient": True} if is_transient else {}
        self.answer(status, {"error": error}, **headers)

    def _take_answer(self) -> tuple[int, bytes, dict[str, str]]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def graph_server() -> Iterator[GraphServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_call(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            graph.calls.append(Call(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body))
            if graph.is_cut:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            status, content, more = graph._take_answer()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = handle_call

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    graph = GraphServer(server.server_address[1])
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield graph
    finally:
        server.shutdown()
        server.server_close()
