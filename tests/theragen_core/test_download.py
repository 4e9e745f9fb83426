"""Downloads from a real server over TLS, which misbehaves in every way that is known."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.model_peer import ID, LINKED, ModelPeer, model_peer
from theragen_core import catalog, model_store
from theragen_core.download import download
from theragen_core.errors import DownloadError, UserError
from theragen_core.faults import Fault
from theragen_core.model_store import Progress, Stage

KILLS = 20 if os.environ.get("THERAGEN_SOAK") else 4
LIMIT_S = 60
SOME = 2_000_000  # bytes, a part of the file


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelPeer]:
    with model_peer(tmp_path_factory.mktemp("served")) as peer:
        yield peer


@pytest.fixture
def peer(server: ModelPeer, monkeypatch: pytest.MonkeyPatch) -> ModelPeer:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    server.plan()
    return server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def fetch(peer: ModelPeer, folder: Path, silence_s: float = 20) -> list[Progress]:
    return list(download(peer.entry, folder, licence_accepted=True, silence_s=silence_s))


def fault_of(peer: ModelPeer, folder: Path, silence_s: float = 20) -> Fault:
    with pytest.raises(UserError) as caught:
        fetch(peer, folder, silence_s)
    return caught.value.fault


def fetch_some(peer: ModelPeer, folder: Path) -> int:
    """Begin, and pause once a part is here. Returns how many bytes are."""
    job = download(peer.entry, folder, licence_accepted=True)
    next(progress for progress in job if progress.done >= SOME)
    job.close()
    return model_store.fetched(peer.entry.file, folder)


def check_complete(peer: ModelPeer, folder: Path) -> None:
    """The right file is offered, and nothing else is left."""
    model = model_store.find(ID, folder)
    assert model is not None
    assert model.present
    assert model.path.read_bytes() == peer.content
    assert {path.name for path in folder.iterdir()} == {"tiny.gguf", f"{ID}.json", ".lock"}


def check_not_offered(folder: Path) -> None:
    assert model_store.installed(folder) == ()
    assert not (folder / "tiny.gguf").exists()


def test_a_model_is_fetched_checked_and_offered(peer: ModelPeer, folder: Path) -> None:
    told = fetch(peer, folder)

    check_complete(peer, folder)
    size = len(peer.content)
    assert told[-1] == Progress(Stage.CHECKING, size, size)
    downloaded = [progress.done for progress in told if progress.stage is Stage.DOWNLOADING]
    assert downloaded == sorted(downloaded)
    assert downloaded[-1] == size
    model = model_store.find(ID, folder)
    assert model is not None
    assert (model.sha256, model.licence) == (peer.entry.sha256, "Test Licence")


def test_what_is_here_is_not_fetched_again(peer: ModelPeer, folder: Path) -> None:
    fetch(peer, folder)
    peer.plan()
    assert fetch(peer, folder) == []
    assert peer.requests() == []


def test_a_pause_and_the_rest(peer: ModelPeer, folder: Path) -> None:
    have = fetch_some(peer, folder)
    assert SOME <= have < len(peer.content)
    check_not_offered(folder)

    told = fetch(peer, folder)

    check_complete(peer, folder)
    assert peer.requests()[-1]["Range"] == f"bytes={have}-"
    assert peer.requests()[-1]["If-Range"] == '"one"'
    assert told[0].stage is Stage.READING
    assert next(p for p in told if p.stage is Stage.DOWNLOADING).done > have


def test_a_server_that_sends_all_instead_of_the_rest(peer: ModelPeer, folder: Path) -> None:
    fetch_some(peer, folder)
    peer.plan(ranges=False)
    fetch(peer, folder)
    check_complete(peer, folder)
    assert len(peer.requests()) == 1


@pytest.mark.parametrize("careless", [False, True])
def test_a_file_that_changed_meanwhile(peer: ModelPeer, folder: Path, careless: bool) -> None:
    """Seen by If-Range where the server heeds it, else by the tag of what it sends."""
    peer.plan(flip=1000, etag='"old"')
    fetch_some(peer, folder)
    peer.plan(etag='"new"', careless=careless)
    fetch(peer, folder)
    check_complete(peer, folder)


def test_a_changed_file_of_a_server_without_tags(peer: ModelPeer, folder: Path) -> None:
    peer.plan(flip=1000, etag="")
    fetch_some(peer, folder)
    peer.plan(etag="")
    assert fault_of(peer, folder) is Fault.DOWNLOAD_DAMAGED
    assert peer.requests()[-1]["If-Range"] == ""
    check_not_offered(folder)
    fetch(peer, folder)
    check_complete(peer, folder)


def test_weak_tags_are_not_relied_upon(peer: ModelPeer, folder: Path) -> None:
    peer.plan(etag='W/"one"')
    fetch_some(peer, folder)
    fetch(peer, folder)
    assert peer.requests()[-1]["If-Range"] == ""
    check_complete(peer, folder)


@pytest.mark.parametrize("place", [0, 3_000_000, -1])
def test_a_flipped_byte_is_noticed(peer: ModelPeer, folder: Path, place: int) -> None:
    peer.plan(flip=place % len(peer.content))
    assert fault_of(peer, folder) is Fault.DOWNLOAD_DAMAGED
    check_not_offered(folder)
    assert model_store.fetched("tiny.gguf", folder) == 0


def test_a_byte_that_flipped_on_the_disk_is_noticed(peer: ModelPeer, folder: Path) -> None:
    fetch_some(peer, folder)
    with (folder / "tiny.gguf.part").open("rb+") as file:
        file.write(b"X")
    assert fault_of(peer, folder) is Fault.DOWNLOAD_DAMAGED
    check_not_offered(folder)


@pytest.mark.parametrize("size", [1000, 7_000_000])
@pytest.mark.parametrize("resumed", [False, True])
def test_another_size_is_told_before_anything_is_fetched(
    peer: ModelPeer, folder: Path, size: int, resumed: bool
) -> None:
    have = fetch_some(peer, folder) if resumed else 0
    peer.plan(size=size)
    assert fault_of(peer, folder) is Fault.DOWNLOAD_WRONG_SIZE
    check_not_offered(folder)
    assert model_store.fetched("tiny.gguf", folder) == have


def test_a_file_without_an_end_is_not_taken_in(peer: ModelPeer, folder: Path) -> None:
    peer.plan(size=9_000_000, announced=False)
    assert fault_of(peer, folder) is Fault.DOWNLOAD_WRONG_SIZE
    assert model_store.fetched("tiny.gguf", folder) <= len(peer.content)


def test_another_part_than_was_asked_for_is_not_taken(peer: ModelPeer, folder: Path) -> None:
    have = fetch_some(peer, folder)
    peer.plan(shift=100)
    assert fault_of(peer, folder) is Fault.DOWNLOAD_CUT
    assert model_store.fetched("tiny.gguf", folder) == have


def test_a_connection_that_breaks_is_followed_by_others(peer: ModelPeer, folder: Path) -> None:
    peer.plan(cut=SOME)
    fetch(peer, folder)
    check_complete(peer, folder)
    assert len(peer.requests()) == len(peer.content) // SOME + 1


def test_but_not_by_one_that_brings_nothing(peer: ModelPeer, folder: Path) -> None:
    peer.plan(cut=1000)
    assert fault_of(peer, folder) is Fault.DOWNLOAD_CUT
    assert model_store.fetched("tiny.gguf", folder) == 1000
    assert len(peer.requests()) == 1


def test_a_stalled_connection(peer: ModelPeer, folder: Path) -> None:
    peer.plan(stall=1000)
    assert fault_of(peer, folder, silence_s=0.3) is Fault.DOWNLOAD_STALLED
    assert model_store.fetched("tiny.gguf", folder) == 1000
    peer.plan()
    fetch(peer, folder)
    check_complete(peer, folder)


def test_a_slow_drip_is_no_stall(peer: ModelPeer, folder: Path) -> None:
    """It takes several times the silence that would end it."""
    left = len(peer.content) - 40
    fetch_some(peer, folder)
    part = folder / "tiny.gguf.part"
    part.write_bytes(peer.content[:left])
    peer.plan(drip=1, pause=0.05)
    fetch(peer, folder, silence_s=0.5)
    check_complete(peer, folder)


def test_a_redirect_is_followed_over_tls(peer: ModelPeer, folder: Path) -> None:
    have = fetch_some(peer, folder)
    peer.plan(redirect=f"{peer.url}/moved")
    fetch(peer, folder)
    check_complete(peer, folder)
    assert [r["path"] for r in peer.requests()] == ["/tiny.gguf", "/moved"]
    assert peer.requests()[-1]["Range"] == f"bytes={have}-"


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_a_redirect_without_tls_is_refused(peer: ModelPeer, folder: Path, scheme: str) -> None:
    peer.plan(redirect=f"{scheme}{peer.url.removeprefix('https')}/moved")
    assert fault_of(peer, folder) is Fault.DOWNLOAD_INSECURE
    assert len(peer.requests()) == 1
    check_not_offered(folder)


def test_redirects_in_a_circle(peer: ModelPeer, folder: Path) -> None:
    peer.plan(redirect=f"{peer.url}/tiny.gguf")
    assert fault_of(peer, folder) is Fault.DOWNLOAD_FAILED


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (401, Fault.DOWNLOAD_FORBIDDEN),
        (403, Fault.DOWNLOAD_FORBIDDEN),
        (404, Fault.DOWNLOAD_GONE),
        (410, Fault.DOWNLOAD_GONE),
        (429, Fault.DOWNLOAD_FAILED),
        (500, Fault.DOWNLOAD_FAILED),
        (503, Fault.DOWNLOAD_FAILED),
    ],
)
def test_refusals(peer: ModelPeer, folder: Path, status: int, fault: Fault) -> None:
    have = fetch_some(peer, folder)
    peer.plan(status=status)
    assert fault_of(peer, folder) is fault
    assert model_store.fetched("tiny.gguf", folder) == have


def test_a_certificate_that_is_not_trusted(
    peer: ModelPeer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert fault_of(peer, folder) is Fault.DOWNLOAD_TLS
    assert peer.requests() == []


def test_a_certificate_of_another_host(peer: ModelPeer, folder: Path) -> None:
    entry = replace(peer.entry, url=peer.entry.url.replace("localhost", "127.0.0.1"))
    with pytest.raises(DownloadError) as caught:
        list(download(entry, folder, licence_accepted=True))
    assert caught.value.fault is Fault.DOWNLOAD_TLS


def test_nobody_there(peer: ModelPeer, folder: Path) -> None:
    for url in ("https://localhost:9/tiny.gguf", "https://host.invalid/tiny.gguf"):
        with pytest.raises(DownloadError) as caught:
            list(download(replace(peer.entry, url=url), folder, licence_accepted=True))
        assert caught.value.fault is Fault.DOWNLOAD_NO_CONNECTION


def test_nothing_is_asked_for_before_the_licence_is_accepted(peer: ModelPeer, folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        list(download(peer.entry, folder, licence_accepted=False))
    assert caught.value.fault is Fault.LICENCE_NOT_ACCEPTED
    assert peer.requests() == []
    assert not folder.exists()


def test_a_model_without_a_checksum_is_not_fetched(peer: ModelPeer, folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        list(download(catalog.entry(LINKED, peer.catalogue), folder, licence_accepted=True))
    assert caught.value.fault is Fault.DOWNLOAD_NOT_OFFERED


def test_too_little_room_is_told_first(peer: ModelPeer, folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        list(download(replace(peer.entry, size=10**17), folder, licence_accepted=True))
    assert caught.value.fault is Fault.NO_SPACE
    assert peer.requests() == []


def test_a_file_with_the_right_checksum_that_is_no_model(peer: ModelPeer, folder: Path) -> None:
    """The catalogue can be wrong too."""
    peer.plan(size=400)
    checksum = hashlib.sha256(peer.content[:400]).hexdigest()
    entry = replace(peer.entry, size=400, sha256=checksum)
    with pytest.raises(UserError) as caught:
        list(download(entry, folder, licence_accepted=True))
    assert caught.value.fault is Fault.MODEL_TRUNCATED
    check_not_offered(folder)


def test_one_at_a_time(peer: ModelPeer, folder: Path) -> None:
    first = download(peer.entry, folder, licence_accepted=True)
    next(first)
    assert fault_of(peer, folder) is Fault.FOLDER_BUSY
    with pytest.raises(UserError):
        model_store.discard("tiny.gguf", folder)
    list(first)
    check_complete(peer, folder)


def test_killed_before_the_manifest_was_written(peer: ModelPeer, folder: Path) -> None:
    """The file has its name already, and is not fetched a second time."""
    folder.mkdir()
    (folder / "tiny.gguf").write_bytes(peer.content)
    assert model_store.installed(folder) == ()
    fetch(peer, folder)
    check_complete(peer, folder)
    assert peer.requests() == []


def test_a_file_of_the_same_name_is_not_touched(peer: ModelPeer, folder: Path) -> None:
    folder.mkdir()
    (folder / "tiny.gguf").write_bytes(b"something of a person's own")
    assert fault_of(peer, folder) is Fault.FILE_IN_THE_WAY
    assert (folder / "tiny.gguf").read_bytes() == b"something of a person's own"
    assert model_store.installed(folder) == ()
    assert peer.requests() == []


def test_a_longer_part_than_the_file_is_thrown_away(peer: ModelPeer, folder: Path) -> None:
    folder.mkdir()
    (folder / "tiny.gguf.part").write_bytes(peer.content + b"more")
    fetch(peer, folder)
    check_complete(peer, folder)


# In a process of its own ------------------------------------------------------------------------


def start(peer: ModelPeer, folder: Path, limit: int | None = None) -> subprocess.Popen[bytes]:
    """The command, as the window runs it; `limit` is the size that a file may have."""

    def set_limit() -> None:
        import resource

        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = ["models", "download", ID, "--accept-licence", "--json", "--until-stdin-ends"]
    where = ["--folder", str(folder), "--catalogue", str(peer.catalogue)]
    return subprocess.Popen(
        [sys.executable, "-m", "theragen_core", *command, *where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=set_limit,
    )


def events(process: subprocess.Popen[bytes]) -> list[dict[str, str]]:
    """What it says until it ends by itself; it would end with its stdin too."""
    assert process.stdout
    return [json.loads(line) for line in process.stdout]


def wait_for_part(process: subprocess.Popen[bytes], folder: Path, size: int) -> None:
    while model_store.fetched("tiny.gguf", folder) < size:
        assert process.poll() is None, "it ended before"


def test_killed_at_random_points(peer: ModelPeer, folder: Path) -> None:
    peer.plan(pause=0.005)
    points = sorted(random.Random().sample(range(1, len(peer.content)), KILLS))
    for point in points:
        process = start(peer, folder)
        wait_for_part(process, folder, point)
        process.kill()
        process.communicate()
        have = model_store.fetched("tiny.gguf", folder)
        if have:  # else it was so near the end that it came to it
            assert (folder / "tiny.gguf.part").read_bytes() == peer.content[:have]
            check_not_offered(folder)
    peer.plan()
    with start(peer, folder) as process:
        assert events(process)[-1]["event"] == "finished"
    check_complete(peer, folder)


def test_it_ends_with_the_window_and_goes_on_later(peer: ModelPeer, folder: Path) -> None:
    peer.plan(stall=SOME)
    with start(peer, folder) as process:
        wait_for_part(process, folder, SOME)
        assert process.stdin
        process.stdin.close()
        assert process.wait(LIMIT_S) == 130
    peer.plan()
    fetch(peer, folder)
    check_complete(peer, folder)


def test_ctrl_c_pauses(peer: ModelPeer, folder: Path) -> None:
    peer.plan(stall=SOME)
    with start(peer, folder) as process:
        wait_for_part(process, folder, SOME)
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 130
    assert model_store.fetched("tiny.gguf", folder) == SOME


def test_a_full_disk(peer: ModelPeer, folder: Path) -> None:
    with start(peer, folder, limit=SOME) as process:
        last = events(process)[-1]
    assert (last["event"], last["fault"]) == ("failed", "disk_full")
    assert process.returncode == 2
    assert model_store.fetched("tiny.gguf", folder) == SOME
    check_not_offered(folder)
    fetch(peer, folder)
    check_complete(peer, folder)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only where there is a full device")
def test_a_disk_that_says_so_itself(peer: ModelPeer, folder: Path) -> None:
    folder.mkdir()
    (folder / "tiny.gguf.part").symlink_to("/dev/full")
    assert fault_of(peer, folder) is Fault.DISK_FULL
    check_not_offered(folder)


def test_two_processes_at_once(peer: ModelPeer, folder: Path) -> None:
    peer.plan(stall=SOME)
    with start(peer, folder) as first:
        wait_for_part(first, folder, SOME)
        with start(peer, folder) as second:
            assert events(second)[-1]["fault"] == "folder_busy"
        first.kill()
    peer.plan()
    fetch(peer, folder)  # the lock of a killed process holds nobody up
    check_complete(peer, folder)
