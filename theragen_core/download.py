"""Fetches a model of the catalogue: resumed from the byte, hashed while it comes, over TLS only.

The file is called .part until it is whole, its checksum right and its header good; then it gets its
name, and last its manifest. Nothing is buffered here, so this process may be killed at any point:
what had arrived counts, and the next download goes on from there.

Knows HTTP and the model folder. Never starts by itself.
"""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx

from theragen_core import durable, model_store
from theragen_core.catalog import ModelEntry
from theragen_core.errors import DownloadError, UserError
from theragen_core.faults import Fault
from theragen_core.model_store import PART, Progress, Stage, StoredModel

_CONNECT_S = 20.0
_MOST_REDIRECTS = 5
_WORTH_GOING_ON = 2**20  # bytes that a connection brought, for which another one is opened
_FAULTS = {401: Fault.DOWNLOAD_FORBIDDEN, 403: Fault.DOWNLOAD_FORBIDDEN}
_GONE = (404, 410)


def download(
    entry: ModelEntry, folder: Path, licence_accepted: bool, silence_s: float = 30
) -> Generator[Progress, None, StoredModel]:
    """Fetch this model, or the rest of it, and return it. Closing the generator pauses; a
    connection that brings nothing for `silence_s` seconds counts as stalled.

    Raises DownloadError where the other end or the network fails, UserError for a licence that was
    not accepted and a folder that cannot take the file, ModelError for a file that is no model.
    """
    if not entry.downloadable:
        raise UserError(Fault.DOWNLOAD_NOT_OFFERED, name=entry.name, url=entry.page)
    if not licence_accepted:
        raise UserError(
            Fault.LICENCE_NOT_ACCEPTED,
            name=entry.name,
            licence=entry.licence,
            url=entry.licence_url,
        )
    with model_store.locked(folder):
        stored = model_store.find(entry.id, folder)
        if stored is not None and stored.present:
            return stored
        return (yield from _Download(entry, folder, silence_s).run())


class _Download:
    """One file on its way. `_hash` is always of exactly the `_done` bytes in the .part file."""

    def __init__(self, entry: ModelEntry, folder: Path, silence_s: float) -> None:
        self._entry = entry
        self._folder = folder
        self._target = folder / entry.file
        self._part = folder / f"{entry.file}{PART}"
        self._etag = folder / f"{entry.file}{PART}.etag"
        self._timeout = httpx.Timeout(silence_s, connect=_CONNECT_S)
        self._hash = hashlib.sha256()
        self._done = 0

    def run(self) -> Generator[Progress, None, StoredModel]:
        if self._target.exists():
            yield from self._take_for_whole()
        else:
            yield from self._take_up()
            yield from self._complete()
            yield from self._check()
        model = _stored(self._entry, self._target)
        model_store.save(model, self._folder)
        return model

    def _take_for_whole(self) -> Iterator[Progress]:
        """It was about to be offered when the process ended; or else it is not ours to delete."""
        yield from self._read(self._target)
        if not self._right:
            raise UserError(Fault.FILE_IN_THE_WAY, path=str(self._target))
        model_store.check(self._target, self._entry.template)

    def _take_up(self) -> Iterator[Progress]:
        """What an earlier download left."""
        left = model_store.fetched(self._entry.file, self._folder)
        if left > self._entry.size:
            self._start_over()
        elif left:
            yield from self._read(self._part)

    def _complete(self) -> Iterator[Progress]:
        """What is missing of the .part file."""
        model_store.require_space(self._folder, self._entry.size - self._done)
        if self._done < self._entry.size:
            # Environment variables name a proxy and certificates; nothing turns the check off.
            with httpx.Client(timeout=self._timeout, headers=_HEADERS) as client:
                yield from self._fetch(client)

    def _check(self) -> Iterator[Progress]:
        """Give the file its name, if it is the right one and a model."""
        yield Progress(Stage.CHECKING, self._done, self._entry.size)
        try:
            if not self._right:
                raise DownloadError(Fault.DOWNLOAD_DAMAGED, name=self._entry.name)
            model_store.check(self._part, self._entry.template)
        except UserError:
            self._start_over()
            raise
        with model_store.writing_to(self._folder):
            with self._part.open("rb+") as file:
                os.fsync(file.fileno())
            durable.rename(self._part, self._target)
            self._etag.unlink(missing_ok=True)

    @property
    def _right(self) -> bool:
        return self._hash.hexdigest() == self._entry.sha256

    def _read(self, path: Path) -> Iterator[Progress]:
        """For its checksum."""
        total = path.stat().st_size
        for block in model_store.blocks(path):
            self._hash.update(block)
            self._done += len(block)
            yield Progress(Stage.READING, self._done, total)

    def _start_over(self) -> None:
        with model_store.writing_to(self._folder):
            self._etag.unlink(missing_ok=True)
            self._part.unlink(missing_ok=True)
        self._hash, self._done = hashlib.sha256(), 0

    def _fetch(self, client: httpx.Client) -> Iterator[Progress]:
        """Over as many connections as it takes, as long as each brings something."""
        while self._done < self._entry.size:
            before = self._done
            try:
                yield from self._receive(client)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if 0 <= self._done - before < _WORTH_GOING_ON:
                    raise DownloadError(_fault(error), host=_host(self._entry.url)) from None

    def _receive(self, client: httpx.Client) -> Iterator[Progress]:
        response = self._ask(client)
        try:
            self._agree(response)
            with model_store.writing_to(self._folder):
                descriptor = os.open(self._part, _APPEND, 0o600)
            try:
                for piece in response.iter_raw():
                    self._keep(descriptor, piece)
                    yield Progress(Stage.DOWNLOADING, self._done, self._entry.size)
            finally:
                os.close(descriptor)
        finally:
            response.close()

    def _ask(self, client: httpx.Client) -> httpx.Response:
        """The answer to a request for what is missing, wherever that is, but over TLS only."""
        request = client.build_request("GET", self._entry.url)
        if self._done:
            request.headers["Range"] = f"bytes={self._done}-"
            if etag := self._known_etag():
                request.headers["If-Range"] = etag
        for _ in range(_MOST_REDIRECTS):
            if request.url.scheme != "https":
                raise DownloadError(Fault.DOWNLOAD_INSECURE, host=request.url.host)
            response = client.send(request, stream=True)
            if response.next_request is None:
                return response
            response.close()
            request = response.next_request
        raise DownloadError(Fault.DOWNLOAD_FAILED, host=request.url.host, status=310)

    def _agree(self, response: httpx.Response) -> None:
        """See what the answer holds: the rest, or all of it anew, or neither."""
        start: int | None = 0
        total = _integer(response.headers.get("Content-Length"))
        if response.status_code in (206, 416):
            start, total = _range(response)
        elif response.status_code != 200:
            raise self._refusal(response)
        if total not in (None, self._entry.size):
            raise self._wrong_size(total or 0)
        etag, known = response.headers.get("ETag", ""), self._known_etag()
        if self._done and (response.status_code == 200 or (known and etag != known)):
            self._start_over()  # the file has changed, or the server cannot send a part
        if start != self._done:
            raise httpx.RemoteProtocolError("another part than is needed")
        self._remember(etag)

    def _known_etag(self) -> str:
        """Of what lies here in part; empty where the server did not say."""
        try:
            return self._etag.read_text(encoding="ascii")
        except OSError:
            return ""

    def _remember(self, etag: str) -> None:
        """A strong tag tells, when the rest is asked for, whether it is still the same file."""
        with model_store.writing_to(self._folder):
            if etag.isascii() and etag.startswith('"'):
                self._etag.write_text(etag, encoding="ascii")
            else:
                self._etag.unlink(missing_ok=True)

    def _keep(self, descriptor: int, piece: bytes) -> None:
        if self._done + len(piece) > self._entry.size:
            raise self._wrong_size(self._done + len(piece))
        with model_store.writing_to(self._folder):
            model_store.write_all(descriptor, piece)
        self._hash.update(piece)
        self._done += len(piece)

    def _wrong_size(self, have: int) -> DownloadError:
        return DownloadError(
            Fault.DOWNLOAD_WRONG_SIZE, name=self._entry.name, have=have, need=self._entry.size
        )

    def _refusal(self, response: httpx.Response) -> DownloadError:
        status, host = response.status_code, response.url.host
        if status in _GONE:
            return DownloadError(Fault.DOWNLOAD_GONE, name=self._entry.name, url=self._entry.page)
        return DownloadError(_FAULTS.get(status, Fault.DOWNLOAD_FAILED), host=host, status=status)


# Compressed on the way, a part of a file could not be asked for.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "TheraGen"}
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


def _stored(entry: ModelEntry, path: Path) -> StoredModel:
    return StoredModel(
        entry.id,
        entry.name,
        path,
        entry.size,
        entry.template,
        owned=True,
        licence=entry.licence,
        sha256=entry.sha256,
    )


def _fault(error: Exception) -> Fault:
    if isinstance(error, httpx.ReadTimeout):
        return Fault.DOWNLOAD_STALLED
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return Fault.DOWNLOAD_CUT
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return Fault.DOWNLOAD_TLS
        cause = cause.__cause__ or cause.__context__
    return Fault.DOWNLOAD_NO_CONNECTION


def _range(response: httpx.Response) -> tuple[int | None, int | None]:
    """From "bytes 100-199/200": where the part begins, and how large the whole is."""
    span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    return _integer(span.partition("-")[0]), _integer(total)


def _integer(word: str | None) -> int | None:
    return int(word) if word and word.isascii() and word.isdigit() else None


def _host(url: str) -> str:
    return httpx.URL(url).host
