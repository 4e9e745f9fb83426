"""What lies between here and Replicate: names, certificates, proxies, ports, and who sees what."""

from __future__ import annotations

import datetime
import logging
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.cloud.conftest import CANARY, assert_clean, load, load_fault, talk
from tests.support.replicate_peer import ReplicatePeer
from tests.support.replicate_server import TOKEN
from theragen_core.engines.replicate import transport
from theragen_core.engines.replicate.transport import API, ApiTransport, base_url
from theragen_core.faults import Fault

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def free_port() -> Iterator[int]:
    """A port at which nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def test_nobody_listens(peer: ReplicatePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    with free_port() as port:
        monkeypatch.setenv("REPLICATE_BASE_URL", f"http://127.0.0.1:{port}")
        assert load_fault().fault is Fault.CLOUD_NO_CONNECTION


def test_a_connection_that_comes_about_at_the_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    class Reluctant(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            tries.append(request.method)
            if len(tries) < 2:
                raise httpx.ConnectTimeout("not yet")
            return httpx.Response(201, json={"id": "p"})

    monkeypatch.setattr(transport, "_PAUSE_S", 0.01)
    base = httpx.URL(API)
    through = ApiTransport(Reluctant(), TOKEN, "a/b", base)
    answer = through.handle_request(httpx.Request("POST", f"{API}/v1/predictions"))
    assert answer.status_code == 201
    assert tries == ["POST", "POST"]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed")
def test_without_a_network_the_address_is_not_found() -> None:
    """In a namespace with no network at all, and so with the real address."""
    command = [sys.executable, "-m", "theragen_core", "chat", "--engine", "replicate"]
    command += ["--hosted", "someone/theragen", "--token-stdin"]
    alone = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody leave its network")
    done = subprocess.run(
        [*alone, *command], cwd=ROOT, input=TOKEN.encode() + b"\n", capture_output=True, timeout=60
    )
    assert done.returncode == 2
    assert b"address of Replicate cannot be found" in done.stderr
    assert TOKEN.encode() not in done.stderr + done.stdout


def certificate(folder: Path) -> Path:
    """One that nobody has reason to trust."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(pem))
    return file


def test_a_certificate_that_cannot_be_trusted_gets_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as wrapped:
                    heard.append(wrapped.recv(4096))
            except OSError:
                connection.close()

        serving = threading.Thread(target=serve)
        serving.start()
        monkeypatch.setenv("REPLICATE_BASE_URL", f"https://127.0.0.1:{server.getsockname()[1]}")
        assert load_fault().fault is Fault.CLOUD_TLS
        serving.join()
    assert TOKEN.encode() not in b"".join(heard)


def test_a_proxy_that_refuses(peer: ReplicatePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATE_BASE_URL", "https://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", peer.url)
    assert load_fault().fault is Fault.CLOUD_PROXY
    (seen,) = peer.record()["requests"]
    assert seen["method"] == "CONNECT"
    assert "authorization" not in seen["headers"]


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_PAUSE_S", 0.01)
    with free_port() as port:
        monkeypatch.setenv("REPLICATE_BASE_URL", "https://127.0.0.1:9")
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        assert load_fault().fault is Fault.CLOUD_PROXY


def test_a_proxy_never_sees_plain_requests(
    peer: ReplicatePeer, foreign: ReplicatePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, foreign.url)
    load().close()
    assert foreign.record()["requests"] == []


# Where the token may go ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com:8000",
        "http://api.replicate.com",
        "http://192.168.1.4:5000",
        "http://localhost.example.com",
        "file:///etc/passwd",
        "127.0.0.1:80",
        "http://[::1",
        "",
    ],
)
def test_only_this_computer_may_stand_in_for_replicate(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("REPLICATE_BASE_URL", url)
    assert base_url() == httpx.URL(API)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1234", "http://[::1]:80/", "http://127.9.9.9"])
def test_this_computer_may(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REPLICATE_BASE_URL", url)
    assert base_url() == httpx.URL(url.rstrip("/"))


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://api.replicate.com/v1/predictions", True),
        ("https://stream.replicate.com/v1/files/abc", True),
        ("https://stream-b.svc.us.c.replicate.net/v1/streams/abc", True),
        ("http://stream.replicate.com/v1/files/abc", False),
        ("https://replicate.com.example.org/", False),
        ("https://stream.replicate.com.example.org/", False),
        ("https://notreplicate.com/", False),
        ("https://stream.replicate.com@example.org/", False),
        ("https://example.org/stream.replicate.com", False),
        ("https://replicate.delivery/stream", False),
        ("https://127.0.0.1/", False),
        ("", False),
    ],
)
def test_the_token_goes_to_replicate_over_tls_only(url: str, trusted: bool) -> None:
    through = ApiTransport(httpx.MockTransport(lambda _: httpx.Response(200)), TOKEN, "a/b",
                           httpx.URL(API))  # fmt: skip
    assert through.trusts(url) is trusted


def test_nothing_is_logged(peer: ReplicatePeer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine = load()
    talk(engine)
    engine.close()
    assert TOKEN not in caplog.text
    assert CANARY not in caplog.text
    assert_clean(peer)


def test_no_repr_shows_a_token_or_a_word(peer: ReplicatePeer) -> None:
    engine = load()
    shown = repr([engine, engine.__dict__, engine._turns, engine.loaded, engine._hosted])
    assert TOKEN not in shown.replace(repr(engine._token), "")
    engine.close()
