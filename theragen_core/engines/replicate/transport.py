"""How a request leaves this computer, and who may see the token.

An httpx transport that the client package is put on, since the package by itself waits for ever on
a POST, gives the token to any host that an answer names, repeats requests for a minute without
asking, and cannot read every answer of the service that it is for. Here:

- the token goes to the API's own host and to hosts of Replicate that stream, over TLS, to no other;
- redirects are refused, every step has a time limit, no answer is read without an end;
- a request is repeated after 429 or when no connection came about, and for no other reason;
- each failure becomes a CloudError, whose words are not the server's: those may quote a person.

Knows HTTP. Refuses to know conversations.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from theragen_core.errors import CloudError
from theragen_core.faults import Fault

API = "https://api.replicate.com"
CANCEL_AFTER_S = 300  # what Replicate itself ends, should nobody here be left to do it

_HOSTS_OF_STREAMS = re.compile(r"(?:[a-z0-9-]+\.)+replicate\.(?:com|net)")
_CONNECT_S, _ANSWER_S, _STREAM_S = 10.0, 30.0, 45.0  # a stream says something every 30 s
_MOST_BYTES = 8 * 2**20
_ATTEMPTS = 3
_PAUSE_S = 0.5
_LONGEST_WAIT_S = 20.0
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*s(?:ec|\b)")
_TIMED_OUT = re.compile(rb"(?:^|[\r\n]):\s*408")

_FAULTS = {
    401: Fault.CLOUD_TOKEN_REFUSED,
    402: Fault.CLOUD_NO_CREDIT,
    403: Fault.CLOUD_FORBIDDEN,
    404: Fault.CLOUD_NOT_FOUND,
    422: Fault.CLOUD_INPUT_REFUSED,
    429: Fault.CLOUD_RATE_LIMITED,
}


def base_url() -> httpx.URL:
    """Replicate's; for tests REPLICATE_BASE_URL, if that is an address of this computer's own."""
    try:
        wanted = httpx.URL(os.environ.get("REPLICATE_BASE_URL", "").rstrip("/"))
        if wanted.scheme in ("http", "https") and ipaddress.ip_address(wanted.host).is_loopback:
            return wanted
    except (httpx.InvalidURL, ValueError):
        pass
    return httpx.URL(API)


def connections(base: httpx.URL) -> httpx.HTTPTransport:
    """The connections that all turns share. Through the system's proxy, if it has one for this."""
    return httpx.HTTPTransport(proxy=_proxy(base), limits=httpx.Limits(keepalive_expiry=30))


def _proxy(base: httpx.URL) -> str | None:
    # Only for TLS: a proxy in the way of plain HTTP would see all, the token first.
    if base.scheme != "https" or proxy_bypass(base.host):
        return None
    return getproxies().get("https")


class ApiTransport(httpx.BaseTransport):
    """For one turn, or one errand. `name` is what a sentence about a failure calls the model.

    While a request waits to be repeated, `waiting` is told the seconds that are left, and
    `should_stop` is asked whether anyone still wants it.
    """

    def __init__(
        self,
        wrapped: httpx.BaseTransport,
        token: str,
        name: str,
        base: httpx.URL,
        should_stop: Callable[[], bool] = lambda: False,
        waiting: Callable[[int], None] = lambda seconds: None,
    ) -> None:
        self._wrapped = wrapped
        self._token = token
        self._name = name
        self._base = base
        self._should_stop = should_stop
        self._waiting = waiting
        self.official: bool | None = None  # what the last model read says of itself

    def trusts(self, url: httpx.URL | str) -> bool:
        """Whether the token may go there."""
        try:
            there = httpx.URL(url)
        except httpx.InvalidURL:
            return False
        if _origin(there) == _origin(self._base):
            return True
        of_replicate = self._base == httpx.URL(API) and there.scheme == "https"
        return of_replicate and bool(_HOSTS_OF_STREAMS.fullmatch(there.host))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises CloudError for whatever is not a success."""
        if not self.trusts(request.url):
            raise CloudError(Fault.CLOUD_FOREIGN_HOST)
        streams = request.headers.get("Accept") == "text/event-stream"
        self._prepare(request, streams)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                response = self._wrapped.handle_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                fault = _connection_fault(error, proxied=_proxy(self._base) is not None)
                if fault is not Fault.CLOUD_NO_CONNECTION or attempt == _ATTEMPTS:
                    raise CloudError(fault) from None
                self._wait(attempt * _PAUSE_S)
                continue
            except httpx.HTTPError as error:
                raise CloudError(_broken_fault(error)) from None
            if response.status_code != 429:
                break
            self._wait_for_turn(response, last=attempt == _ATTEMPTS)
        return (
            self._watched(response) if self._accepted(response, streams) else self._read(response)
        )

    def close(self) -> None:
        """The connections outlive the turn."""

    def _prepare(self, request: httpx.Request, streams: bool) -> None:
        request.headers["Authorization"] = f"Bearer {self._token}"
        request.headers["Accept-Encoding"] = "identity"
        if request.method == "POST" and request.url.path.endswith("/predictions"):
            request.headers["Cancel-After"] = f"{CANCEL_AFTER_S}s"
        request.extensions["timeout"] = {
            "connect": _CONNECT_S,
            "write": _ANSWER_S,
            "pool": _CONNECT_S,
            "read": _STREAM_S if streams else _ANSWER_S,
        }

    def _wait_for_turn(self, response: httpx.Response, last: bool) -> None:
        """After 429, for as long as it says; CloudError when that is longer than people wait."""
        body = _body(response)
        seconds = _seconds_to_wait(response.headers.get("Retry-After", ""), body)
        if last or seconds > _LONGEST_WAIT_S:
            raise CloudError(Fault.CLOUD_RATE_LIMITED, seconds=max(1, round(seconds)))
        self._wait(seconds, told=True)

    def _wait(self, seconds: float, told: bool = False) -> None:
        until, told_of = time.monotonic() + seconds, 0
        while (left := until - time.monotonic()) > 0:
            if self._should_stop():
                raise Stopped
            if told and int(left) + 1 != told_of:
                told_of = int(left) + 1
                self._waiting(told_of)
            time.sleep(min(left, 0.02))

    def _accepted(self, response: httpx.Response, streams: bool) -> bool:
        """Whether this is the stream that was asked for; False: an answer in one piece."""
        status = response.status_code
        if 200 <= status < 300:
            return streams
        _body(response)
        if status >= 500:
            raise CloudError(Fault.CLOUD_SERVER_ERROR, status=status)
        fault = _FAULTS.get(status, Fault.CLOUD_BAD_ANSWER)
        raise CloudError(fault, name=self._name, status=status, seconds=0)

    def _watched(self, response: httpx.Response) -> httpx.Response:
        assert isinstance(response.stream, httpx.SyncByteStream)
        stream = WatchedStream(response.stream)
        extensions = {**response.extensions, "watched": stream}
        return httpx.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=extensions
        )

    def _read(self, response: httpx.Response) -> httpx.Response:
        """The answer as the package can take it in."""
        try:
            data = json.loads(_body(response))
            if not isinstance(data, dict):
                raise ValueError
        except ValueError:
            raise CloudError(Fault.CLOUD_BAD_ANSWER, status=response.status_code) from None
        self._adapt(data)
        return httpx.Response(response.status_code, json=data)

    def _adapt(self, data: dict[str, Any]) -> None:
        """What the package refuses or leaves out: a status, an example of it, a flag."""
        if data.get("status") == "aborted":
            raise CloudError(Fault.CLOUD_ABORTED)
        if "default_example" in data:
            data["default_example"] = None
        if isinstance(data.get("is_official"), bool):
            self.official = data["is_official"]


class Stopped(Exception):
    """Nobody waits for the answer any more."""


class WatchedStream(httpx.SyncByteStream):
    """Server-sent events pass through. Replicate says in a comment, which no parser hands on,
    that a stream ends because nothing came for too long: `timed_out` then.
    """

    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream
        self.timed_out = False

    def __iter__(self) -> Iterator[bytes]:
        before = b"\n"
        try:
            for piece in self._stream:
                if _TIMED_OUT.search(before + piece):
                    self.timed_out = True
                before = (before + piece)[-8:]
                yield piece
        except httpx.HTTPError as error:
            raise CloudError(_broken_fault(error)) from None

    def close(self) -> None:
        self._stream.close()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _body(response: httpx.Response) -> bytes:
    """The whole of it; nothing after the first megabytes."""
    body = b""
    try:
        for piece in response.iter_bytes():
            body += piece
            if len(body) > _MOST_BYTES:
                raise CloudError(Fault.CLOUD_BAD_ANSWER, status=response.status_code)
    except httpx.HTTPError as error:
        raise CloudError(_broken_fault(error)) from None
    finally:
        response.close()
    return body


def _seconds_to_wait(header: str, body: bytes) -> float:
    """From the header, else from the sentence in the body ("... resets in ~7s")."""
    if header.strip().isdigit():
        return float(header)
    try:
        found = _SECONDS.search(str(json.loads(body).get("detail", "")))
    except (ValueError, AttributeError):
        found = None
    return float(found[1]) if found else 5.0


def _connection_fault(error: BaseException, proxied: bool) -> Fault:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return Fault.CLOUD_TLS
        if isinstance(cause, socket.gaierror) and not proxied:
            return Fault.CLOUD_NO_ADDRESS
        cause = cause.__cause__ or cause.__context__
    return Fault.CLOUD_PROXY if proxied else Fault.CLOUD_NO_CONNECTION


def _broken_fault(error: httpx.HTTPError) -> Fault:
    if isinstance(error, httpx.ProxyError):
        return Fault.CLOUD_PROXY
    return Fault.CLOUD_TIMEOUT if isinstance(error, httpx.TimeoutException) else Fault.CLOUD_CUT
