"""A Messages API on the loopback that says what a script tells it to, well or badly, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from messages import Json, Message, error_body

# Longer than anyone who asks a stub waits.
FOR_EVER = 60.0


@dataclass(frozen=True)
class Request:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Refuse:
    """An error of the API itself."""

    status: int
    message: str = "a stub was told to say this"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Garbage:
    """A reply that is none, with a good status."""

    body: bytes = b"<html><body>It works!</body></html>"
    content_type: str = "text/html"


@dataclass(frozen=True)
class Silence:
    """Nothing for as long as anyone waits, or for some time and then a reply."""

    seconds: float = FOR_EVER
    then: Message | None = None


@dataclass(frozen=True)
class Cut:
    """A connection that ends before anything is said."""


Reply = Message | Refuse | Garbage | Silence | Cut
Answer = Callable[[Request], Reply]


def parse(text: bytes) -> Json:
    """A question, or nothing where it is none."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Stub

    def do_GET(self) -> None:
        """Nothing is asked for this way that anybody needs."""
        self.remember({})
        self.send(Refuse(404, "no such thing here"))

    def do_HEAD(self) -> None:
        """Asks whether anybody is there."""
        self.remember({})
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        """A question."""
        text = self.rfile.read(int(self.headers.get("content-length", 0)))
        body = parse(text)
        request = self.remember(body)
        path = self.path.partition("?")[0]
        if path == "/v1/messages/count_tokens":
            self.send_json(200, json.dumps({"input_tokens": max(1, len(text) // 4)}).encode())
        elif path != "/v1/messages" or not body:
            self.send(Refuse(404, "no such thing here"))
        else:
            self.send(self.server.answer(request), stream=bool(body.get("stream")))

    def remember(self, body: Json) -> Request:
        """Keeps the request."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        with self.server.lock:
            self.server.received.append(request)
        return request

    def send(self, reply: Reply, *, stream: bool = False) -> None:
        """Sends a reply, such as it is."""
        match reply:
            case Message() if stream:
                self.send_stream(reply)
            case Message():
                self.send_json(200, json.dumps(reply.json()).encode())
            case Refuse():
                self.send_json(reply.status, error_body(reply.status, reply.message), reply.headers)
            case Garbage():
                self.send_json(200, reply.body, {"content-type": reply.content_type})
            case Silence():
                self.server.ended.wait(reply.seconds)
                self.send(reply.then or Cut(), stream=stream)
            case Cut():
                self.close_connection = True

    def send_json(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Sends a body of known length."""
        self.send_response(status)
        usual = {"content-type": "application/json", "content-length": str(len(body)), "request-id": "req_stub"}
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_stream(self, message: Message) -> None:
        """Sends a message event by event."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("request-id", "req_stub")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in message.stream():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def handle(self) -> None:
        """Whoever asked may have gone."""
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: what was asked is remembered."""


class Stub(ThreadingHTTPServer):
    """A running stub. `answer` says what to reply to each question."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Answer, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answer = answer
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.received: list[Request] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def base_url(self) -> str:
        """Its address, as clients are told it."""
        return f"http://127.0.0.1:{self.port}"

    def questions(self) -> list[Json]:
        """The bodies of all that were asked of the model, in order."""
        with self.lock:
            return [request.body for request in self.received if request.path.partition("?")[0] == "/v1/messages"]


@contextmanager
def serving(answer: Answer, port: int = 0) -> Iterator[Stub]:
    """A stub as long as the block lasts."""
    stub = Stub(answer, port)
    thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.ended.set()
        stub.shutdown()
        stub.server_close()
        thread.join()
