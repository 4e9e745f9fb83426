"""A server to download models from, over TLS, in a process of its own that ends with its stdin.

    python -m tests.support.model_server CERTIFICATE FILE

Prints its port. Serves FILE under every path, as the scenario says that was last put to /_scenario;
/_record tells what was asked for since then.

    status       answer with this code
    ranges       false: the whole file, whatever part was asked for
    etag         of the file; empty: none
    flip         place of a byte that is sent wrong
    size         how long the file is said to be, and how much of it is sent, zeros beyond its end
    announced    false: no Content-Length, the end of the connection is the end of the file
    cut          bytes after which the connection is closed, each time
    stall        bytes after which nothing more comes
    drip         bytes of a piece, each followed by a pause
    pause        of how many seconds
    redirect     where to send those who ask for another path than /moved
    careless     whether it sends a part without looking at If-Range
    shift        the part that is sent begins this many bytes too late
"""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PIECE = 64 * 1024

scenario: dict[str, Any] = {}
record: list[dict[str, str]] = []
released = threading.Event()
content = b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_: object) -> None:
        """The record is enough."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        released.set()  # whoever was kept waiting by the scenario before
        scenario.clear()
        scenario.update(json.loads(self.rfile.read(length)))
        released.clear()
        record.clear()
        self._answer(b"{}")

    def do_GET(self) -> None:
        if self.path == "/_record":
            self._answer(json.dumps(record).encode())
            return
        asked = {name: self.headers.get(name, "") for name in ("Range", "If-Range")}
        record.append({"path": self.path, **asked})
        if "redirect" in scenario and self.path != "/moved":
            self._redirect(scenario["redirect"])
        elif "status" in scenario:
            self.send_error(scenario["status"])
        else:
            self._serve()

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, url: str) -> None:
        self.send_response(302)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _serve(self) -> None:
        self.close_connection = True  # so that its end can be the end of the file
        data = _bytes()
        start = self._start(len(data))
        if start >= len(data) > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            start += scenario.get("shift", 0)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if scenario.get("announced", True):
            self.send_header("Content-Length", str(len(data) - start))
        if etag := _etag():
            self.send_header("ETag", etag)
        self.end_headers()
        self._send(data[start:])

    def _start(self, size: int) -> int:
        wanted = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if not wanted or not scenario.get("ranges", True):
            return 0
        if condition and condition != _etag() and not scenario.get("careless"):
            return 0
        return int(wanted.removeprefix("bytes=").rstrip("-"))

    def _send(self, data: bytes) -> None:
        sent, piece = 0, scenario.get("drip", PIECE)
        cut, stall = scenario.get("cut", len(data)), scenario.get("stall", len(data) + 1)
        data = data[: min(cut, stall)]
        try:
            while sent < len(data):
                self.wfile.write(data[sent : sent + piece])
                sent += piece
                time.sleep(scenario.get("pause", 0))
            if stall <= len(data):
                released.wait(60)
        except OSError:  # the other side has gone
            pass


def _etag() -> str:
    return str(scenario.get("etag", '"one"'))


def _bytes() -> bytes:
    data = bytearray(content.ljust(scenario.get("size", 0), b"\0"))
    if "flip" in scenario:
        data[scenario["flip"]] ^= 1
    return bytes(data[: scenario.get("size", len(data))])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Clients that are killed are the point of it."""


def main(certificate: Path, file: Path) -> None:
    global content
    content = file.read_bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(("127.0.0.1", 0), Handler)
    # The handshake in the thread of each connection: one that hangs must not hold up the others.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
