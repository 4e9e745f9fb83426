"""The other end for tests of downloads: a server process with a certificate of its own authority,
and the catalogue that names what it serves.
"""

from __future__ import annotations

import hashlib
import json
import random
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme

from tests.support import gguf_files
from tests.support.gguf_files import LLAMA2_TEMPLATE
from theragen_core import catalog
from theragen_core.catalog import ModelEntry

ROOT = Path(__file__).resolve().parents[2]
ID, LINKED = "tiny", "linked"
FILLING = 6 * 2**20


class ModelPeer:
    """Speaks to tests/support/model_server.py."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"https://localhost:{port}"
        self.authority = folder / "authority.pem"
        self.content = (folder / "served.gguf").read_bytes()
        self.catalogue = folder / "catalogue.json"
        self.catalogue.write_text(json.dumps([self._row(), self._linked_row()]))
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(
                context=ssl.create_default_context(cafile=str(self.authority))
            ),
        )

    @property
    def entry(self) -> ModelEntry:
        return catalog.entry(ID, self.catalogue)

    def plan(self, **scenario: Any) -> None:
        """What it is to do from now on; its record begins anew."""
        self._ask("/_scenario", json.dumps(scenario).encode())

    def requests(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self._ask("/_record"))
        return found

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        with self._opener.open(self.url + path, data=body, timeout=20) as answer:
            return bytes(answer.read())

    def _row(self) -> dict[str, Any]:
        return {
            "id": ID,
            "name": "Tiny",
            "note": "For tests.",
            "licence": "Test Licence",
            "licence_url": "https://licence.invalid/",
            "page": "https://page.invalid/",
            "file": "tiny.gguf",
            "size": len(self.content),
            "template": "file",
            "url": f"{self.url}/tiny.gguf",
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "source": "the test that made it",
            "checked": "2026-11-25",
        }

    def _linked_row(self) -> dict[str, Any]:
        unknown = ("url", "sha256", "source", "checked")
        row = {name: value for name, value in self._row().items() if name not in unknown}
        return {**row, "id": LINKED, "name": "Linked", "file": "linked.gguf"}


@contextmanager
def model_peer(folder: Path) -> Iterator[ModelPeer]:
    """A running server; it ends with its stdin."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    certificate = folder / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    served = folder / "served.gguf"
    served.write_bytes(large_model())
    command = [sys.executable, "-m", "tests.support.model_server", str(certificate), str(served)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield ModelPeer(int(server.stdout.readline()), folder)
        finally:
            server.stdin.close()
            server.wait(10)


def large_model(filling: int = FILLING) -> bytes:
    """A chat model that is whole, with so many bytes behind its one tensor."""
    model = gguf_files.chat_model(tokenizer__chat_template=LLAMA2_TEMPLATE)
    return model + random.Random(1).randbytes(filling)
