"""A server that speaks Replicate's public contract, keeps a record, and misbehaves when told to.

    python -m tests.support.replicate_server        prints its port; ends with its stdin

Strict: a request that breaks the contract gets the status that Replicate documents for it, and is
listed under "faults" in the record. What it is to do next is told over the same port, under /_.

A scenario is a dict: "create", "get", "cancel", "model": how such a request is answered, "times":
for how many of them (then all is well), and "stream": the steps of one stream. An answer is
{"status", "body", "headers"} or {"do": "hang" | "cut" | "garbage" | "huge" | "redirect"}.
A step is {"event", "data", "id"}, {"raw"}, {"sleep"}, {"until_cancelled"}, {"comment"} or {"cut"}.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

TOKEN = "r8_onlyForTests0123456789"
VERSION = "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa"
END = ("succeeded", "failed", "canceled", "aborted")

Answer = dict[str, Any]


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    """An OpenAPI schema with these properties of the input."""
    body = {"type": "object", "title": "Input", "properties": properties}
    if required:
        body["required"] = list(required)
    return {"openapi": "3.0.2", "components": {"schemas": {"Input": body}}}


TEXT = {"type": "string", "title": "Text"}
NUMBER = {"type": "number", "minimum": 0, "maximum": 5}
COUNT = {"type": "integer", "minimum": 1, "maximum": 512}
LLAMA2 = schema(
    "prompt",
    prompt=TEXT,
    system_prompt={**TEXT, "default": "You are a helpful assistant."},
    prompt_template={
        **TEXT,
        "default": "[INST] <<SYS>>\n{system_prompt}\n<</SYS>>\n\n{prompt} [/INST]",
    },
    temperature=NUMBER,
    top_p={"type": "number", "minimum": 0, "maximum": 1},
    max_new_tokens=COUNT,
    seed={"type": "integer"},
)
MODELS: dict[str, dict[str, Any]] = {
    "meta/llama-2-7b-chat": {"official": True, "schema": LLAMA2},
    "meta/meta-llama-3-8b-instruct": {
        "official": True,
        "schema": schema("prompt", prompt=TEXT, system_prompt=TEXT, max_tokens=COUNT),
    },
    "someone/theragen": {
        "schema": schema("prompt", prompt=TEXT, system_prompt=TEXT, temperature=NUMBER)
    },
    "someone/messages": {
        "schema": schema("messages", messages={"type": "array"}, max_tokens=COUNT)
    },
    "someone/raw": {"schema": schema("prompt", prompt=TEXT)},
    "someone/images": {"schema": schema("image", image={"type": "string", "format": "uri"})},
    "someone/needy": {"schema": schema("prompt", "voice", prompt=TEXT, voice=TEXT)},
    "someone/empty": {"schema": None},
    "someone/example": {"example": "aborted", "schema": schema("prompt", prompt=TEXT)},
}
DEPLOYMENTS = {"someone/quick": "someone/theragen"}


@dataclass
class Prediction:
    id: str
    model: str
    input: dict[str, Any]
    status: str = "starting"
    output: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    cancels: int = 0
    streams: int = 0


class Peer:
    """What the server knows: its scenario, its predictions and its record."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.port = 0
        self.upstream = ""  # a Cog server, to which predictions are handed on
        self.reset({})

    def reset(self, scenario: dict[str, Any]) -> None:
        with self.lock:
            self.scenario = scenario
            self.times = scenario.get("times", 10**6)
            self.predictions: dict[str, Prediction] = {}
            self.requests: list[dict[str, Any]] = []
            self.faults: list[str] = []

    def record(self) -> dict[str, Any]:
        with self.lock:
            made = self.predictions.values()
            return {
                "requests": self.requests,
                "faults": self.faults,
                "predictions": [
                    {
                        "id": p.id,
                        "model": p.model,
                        "input": p.input,
                        "status": p.status,
                        "cancels": p.cancels,
                        "streams": p.streams,
                    }
                    for p in made
                ],
                "orphans": [p.id for p in made if p.status not in END],
            }

    def planned(self, kind: str) -> Answer | None:
        with self.lock:
            if kind not in self.scenario or self.times <= 0:
                return None
            self.times -= 1
            planned: Answer = self.scenario[kind]
            return planned


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peer: Peer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    # Routes

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_CONNECT(self) -> None:
        self._note("CONNECT", b"")
        self._json(407, {"detail": "Proxy authentication required"})

    def _serve(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = urlsplit(self.path).path
        try:
            if path.startswith("/_"):
                self._control(path, body)
                return
            self._note(method, body)
            self._route(method, path, body)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _control(self, path: str, body: bytes) -> None:
        if path == "/_scenario":
            scenario = json.loads(body)
            self.peer.upstream = scenario.pop("upstream", "")
            self.peer.reset(scenario)
            self._json(200, {})
        elif path == "/_record":
            self._json(200, self.peer.record())

    def _note(self, method: str, body: bytes) -> None:
        entry = {
            "method": method,
            "path": self.path,
            "headers": {key.lower(): value for key, value in self.headers.items()},
            "body": body.decode("utf-8", "replace"),
            "at": time.monotonic(),
        }
        with self.peer.lock:
            self.peer.requests.append(entry)

    def _route(self, method: str, path: str, body: bytes) -> None:
        if path.startswith("/stream/"):
            self._stream(path.removeprefix("/stream/"))
            return
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._problem(401, "Unauthenticated", "You did not pass a valid authentication token")
            return
        name = r"([^/]+/[^/]+)"
        routes: tuple[tuple[str, str, str, Any], ...] = (
            ("model", "GET", rf"/v1/models/{name}", self._get_model),
            ("model", "GET", rf"/v1/models/{name}/versions/(\w+)", self._get_version),
            ("model", "GET", rf"/v1/deployments/{name}", self._get_deployment),
            ("create", "POST", rf"/v1/models/{name}/predictions", self._create_official),
            ("create", "POST", rf"/v1/deployments/{name}/predictions", self._create_deployed),
            ("create", "POST", r"/v1/predictions", self._create_version),
            ("get", "GET", r"/v1/predictions/(\w+)", self._get),
            ("cancel", "POST", r"/v1/predictions/(\w+)/cancel", self._cancel),
        )
        for kind, wanted, pattern, answer in routes:
            if wanted == method and (found := re.fullmatch(pattern, path)):
                if planned := self.peer.planned(kind):
                    self._misbehave(planned)
                    return
                arguments = (*found.groups(), body) if method == "POST" else found.groups()
                answer(*arguments)
                return
        self._fault(f"{method} {path} is not of the contract")
        self._problem(404, "Not found", "The requested resource could not be found.")

    # Models

    def _get_model(self, name: str) -> None:
        known = self._models().get(name)
        if known is None:
            self._problem(404, "Not found", "The requested resource could not be found.")
            return
        owner, _, short = name.partition("/")
        model = {
            "url": f"https://replicate.com/{name}",
            "owner": owner,
            "name": short,
            "description": None,
            "visibility": "public",
            "github_url": None,
            "paper_url": None,
            "license_url": None,
            "run_count": 12,
            "cover_image_url": None,
            "default_example": self._example(name, known.get("example", "succeeded")),
            "latest_version": self._version(known) if known["schema"] else None,
        }
        if "official" in known:
            model["is_official"] = known["official"]
        self._json(200, model)

    def _example(self, name: str, status: str) -> dict[str, Any]:
        return self._prediction(Prediction("example", name, {"prompt": "Hi."}, status))

    def _models(self) -> dict[str, dict[str, Any]]:
        extra: dict[str, dict[str, Any]] = self.peer.scenario.get("models", {})
        return {**MODELS, **extra}

    def _version(self, known: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": VERSION,
            "created_at": "2026-01-01T00:00:00.000000Z",
            "cog_version": "0.23.1",
            "openapi_schema": known["schema"],
        }

    def _get_version(self, name: str, version: str) -> None:
        known = self._models().get(name)
        if known is None or version != VERSION:
            self._problem(404, "Not found", "The requested resource could not be found.")
            return
        self._json(200, self._version(known))

    def _get_deployment(self, name: str) -> None:
        if name not in DEPLOYMENTS:
            self._problem(404, "Not found", "The requested resource could not be found.")
            return
        owner, _, short = name.partition("/")
        by = {"type": "organization", "username": owner, "name": owner, "github_url": ""}
        release = {
            "number": 1,
            "model": DEPLOYMENTS[name],
            "version": VERSION,
            "created_at": "2026-01-01T00:00:00.000000Z",
            "created_by": by,
            "configuration": {"hardware": "gpu-t4", "min_instances": 0, "max_instances": 1},
        }
        self._json(200, {"owner": owner, "name": short, "current_release": release})

    # Predictions

    def _create_official(self, name: str, body: bytes) -> None:
        if not self._models().get(name, {}).get("official"):
            self._fault(f"{name} is not official and takes no predictions under its name")
            self._problem(404, "Not found", "The requested resource could not be found.")
            return
        self._create(name, body)

    def _create_deployed(self, name: str, body: bytes) -> None:
        if name not in DEPLOYMENTS:
            self._problem(404, "Not found", "The requested resource could not be found.")
            return
        self._create(DEPLOYMENTS[name], body)

    def _create_version(self, body: bytes) -> None:
        data = json.loads(body)
        if data.get("version") != VERSION:
            self._problem(422, "Invalid version or not permitted", "No such version.")
            return
        self._create(self._owner_of_version(data["input"]), body)

    def _owner_of_version(self, values: dict[str, Any]) -> str:
        fits = (
            name
            for name, known in self._models().items()
            if known["schema"] and not known.get("official") and self._complaint(name, values) == ""
        )
        return next(fits, "someone/raw")

    def _complaint(self, name: str, values: dict[str, Any]) -> str:
        spec = self._models()[name]["schema"]["components"]["schemas"]["Input"]
        for key in values:
            if key not in spec["properties"]:
                return f"input.{key}: Additional property {key} is not allowed"
        for key in spec.get("required", []):
            if key not in values:
                return f"input: {key} is required"
        kinds: dict[str, type | tuple[type, ...]] = {
            "string": str, "integer": int, "number": (int, float), "array": list
        }  # fmt: skip
        for key, value in values.items():
            rule = spec["properties"][key]
            if not isinstance(value, kinds[rule["type"]]):
                return f"input.{key}: Invalid type"
            if isinstance(value, int | float) and not (
                rule.get("minimum", value) <= value <= rule.get("maximum", value)
            ):
                return f"input.{key}: Must be within limits"
        return ""

    def _create(self, name: str, body: bytes) -> None:
        data = json.loads(body)
        if not re.fullmatch(r"\d+[smh]", self.headers.get("Cancel-After", "")):
            self._fault("a prediction without a deadline")
        complaint = self._complaint(name, data["input"])
        if complaint:
            self._fault(complaint)
            self._problem(422, "Input validation failed", f"- {complaint}\n")
            return
        with self.peer.lock:
            id = f"p{len(self.peer.predictions)}abcdefghijklmnop"
            made = Prediction(id, name, data["input"])
            self.peer.predictions[id] = made
        made.status = self.peer.scenario.get("first_status", "starting")
        if "polled" in self.peer.scenario:
            threading.Thread(target=self._work, args=[made], daemon=True).start()
        time.sleep(self.peer.scenario.get("slow_create", 0))
        self._json(201, self._prediction(made))

    def _work(self, made: Prediction) -> None:
        """A model without a stream: its output grows while it is asked for."""
        for piece in self.peer.scenario["polled"]:
            if made.ended.wait(0.3):
                return
            made.status = "processing"
            made.output.append(piece)
        made.status = self.peer.scenario.get("polled_end", "succeeded")
        made.ended.set()

    def _prediction(self, made: Prediction) -> dict[str, Any]:
        here = f"http://127.0.0.1:{self.peer.port}"
        urls = {
            "get": f"{here}/v1/predictions/{made.id}",
            "cancel": f"{here}/v1/predictions/{made.id}/cancel",
        }
        if "polled" not in self.peer.scenario:
            urls["stream"] = self.peer.scenario.get("stream_host", here) + f"/stream/{made.id}"
        return {
            "id": made.id,
            "model": made.model,
            "version": VERSION,
            "input": made.input,
            "logs": "",
            "output": made.output or None,
            "error": None,
            "status": made.status,
            "created_at": "2026-01-01T00:00:00.000Z",
            "data_removed": False,
            "urls": urls,
        }

    def _get(self, id: str) -> None:
        made = self.peer.predictions.get(id)
        if made is None:
            self._problem(404, "Not found", "The requested resource could not be found.")
            return
        self._json(200, self._prediction(made))

    def _cancel(self, id: str, _body: bytes) -> None:
        made = self.peer.predictions.get(id)
        if made is None:
            self._problem(404, "Not found", "The requested resource could not be found.")
            return
        made.cancels += 1
        if made.status not in END:
            made.status = "canceled"
        made.ended.set()
        self._json(200, self._prediction(made))

    # Streams

    def _stream(self, id: str) -> None:
        made = self.peer.predictions.get(id)
        if made is None:
            self._problem(404, "Not found", "Stream not found")
            return
        if self.headers.get("Accept") != "text/event-stream":
            self._fault("a stream that was not asked for as one")
        made.streams += 1
        if planned := self.peer.planned("stream_answer"):
            self._misbehave(planned)
            return
        self.send_response(200)
        self.send_header("Content-Type", self.peer.scenario.get("type", "text/event-stream"))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if self.peer.upstream:
            self._relay(made)
            return
        streams = self.peer.scenario.get("streams")
        steps = self.peer.scenario.get("stream") or told("Good ", "to ", "hear.")
        if streams:
            steps = streams[min(made.streams, len(streams)) - 1]
        for step in steps:
            if not self._step(made, step):
                return

    def _step(self, made: Prediction, step: dict[str, Any]) -> bool:
        if "sleep" in step:
            made.ended.wait(step["sleep"])
        if "until_cancelled" in step:
            made.ended.wait(step["until_cancelled"])
        if made.ended.is_set() and made.status == "canceled":
            self._send('event: done\ndata: {"reason": "canceled"}\n\n')
            return False
        if "status" in step:
            made.status = step["status"]
        if "output" in step:
            made.output = step["output"]
        if "comment" in step:
            self._send(f":{step['comment']}\n\n")
        if "raw" in step:
            self._send(step["raw"])
        if "event" in step:
            self._event(made, step)
        if "cut" in step:
            # A reset instead of an end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return False
        return True

    def _event(self, made: Prediction, step: dict[str, Any]) -> None:
        if step["event"] == "output":
            made.status = "processing"
            made.output.append(step["data"])
        if step["event"] == "done" and made.status not in END:
            reason = json.loads(step["data"] or "{}").get("reason")
            made.status = {"error": "failed", "canceled": "canceled"}.get(reason, "succeeded")
        lines = [f"event: {step['event']}"]
        if step.get("id"):
            lines.append(f"id: {step['id']}")
        lines += [f"data: {line}" for line in step["data"].split("\n")]
        self._send("\n".join(lines) + "\n\n")

    def _relay(self, made: Prediction) -> None:
        """As Replicate does it: the model's own server works, its events become a stream."""
        import httpx
        from httpx_sse import connect_sse

        pieces = 0
        with (
            httpx.Client(timeout=60, trust_env=False) as client,
            connect_sse(
                client, "POST", f"{self.peer.upstream}/predictions", json={"input": made.input}
            ) as events,
        ):
            for event in events.iter_sse():
                data = json.loads(event.data) if event.data else {}
                if event.event == "output":
                    chunk = data["chunk"] if isinstance(data, dict) else data
                    pieces += 1
                    step = {"event": "output", "data": str(chunk), "id": str(pieces)}
                    if not self._step(made, step):
                        return
                elif event.event == "completed":
                    fine = data["status"] == "succeeded"
                    end = "{}" if fine else '{"reason": "error"}'
                    self._step(made, {"event": "done", "data": end})
                    return

    # Answers

    def _misbehave(self, planned: Answer) -> None:
        match planned.get("do"):
            case "hang":
                time.sleep(planned.get("seconds", 3600))
                self.close_connection = True
            case "cut":
                self.connection.close()
                self.close_connection = True
            case "garbage":
                self._bytes(planned.get("status", 200), b"<html>not JSON</html>", "text/html")
            case "huge":
                self._bytes(200, b'{"a": "' + b"a" * 9 * 2**20 + b'"}')
            case "redirect":
                self._bytes(307, b"", headers={"Location": planned["to"] + self.path})
            case _:
                body = planned.get("body", {"detail": "as planned"})
                self._json(planned["status"], body, planned.get("headers"))

    def _problem(self, status: int, title: str, detail: str) -> None:
        self._json(status, {"title": title, "detail": detail, "status": status})

    def _fault(self, what: str) -> None:
        with self.peer.lock:
            self.peer.faults.append(what)

    def _json(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        self._bytes(status, json.dumps(data).encode(), headers=headers)

    def _bytes(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send(self, words: str) -> None:
        self.wfile.write(words.encode("utf-8", "surrogatepass"))
        self.wfile.flush()


def told(*pieces: str) -> list[dict[str, Any]]:
    """The steps of a stream that goes well."""
    steps = [
        {"event": "output", "data": piece, "id": f"{n}:0"} for n, piece in enumerate(pieces, 1)
    ]
    return [*steps, {"event": "done", "data": "{}"}]


def main() -> None:
    peer = Peer()
    handler = type("Bound", (Handler,), {"peer": peer})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    peer.port = server.server_address[1]
    print(peer.port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
