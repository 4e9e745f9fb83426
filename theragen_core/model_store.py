"""The models in the model folder: checked, listed, added and removed.

A model is offered once its manifest is there, which is written last: ID.json, beside the file that
TheraGen put there, or pointing to a file that stays where a person keeps it. Knows files. Refuses
to know the network and llama.cpp.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from theragen_core import durable, gguf_header, prompts
from theragen_core.errors import ModelError, UserError
from theragen_core.faults import Fault
from theragen_core.gguf_header import GgufHeader
from theragen_core.protocol import TemplateChoice

PART = ".part"  # what a file is called until it is whole

_LOCK = ".lock"
_OWN = "own-"  # begins the ids of files that a person added
_BLOCK = 2**20
_SPARE = 64 * 2**20  # what a disk keeps free for everything else
_MIB = 2**20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Stage(StrEnum):
    READING = "reading"  # what is there of a file already, for its checksum
    DOWNLOADING = "downloading"
    COPYING = "copying"
    CHECKING = "checking"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long job has come, in bytes."""

    stage: Stage
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model that can be used. `owned`: TheraGen put the file there, and may remove it."""

    id: str
    name: str
    path: Path
    size: int
    template: TemplateChoice
    owned: bool
    licence: str = ""
    sha256: str = ""
    added: str = ""

    @property
    def present(self) -> bool:
        """Whether the file is still what it was; a file that a person keeps may go or change."""
        try:
            return self.path.stat().st_size == self.size
        except OSError:
            return False


def default_folder() -> Path:
    """Where the operating system wants programs to keep large files."""
    return platformdirs.user_data_path("TheraGen", appauthor=False) / "models"


def folder_for(chosen: str) -> Path:
    """The folder that a person chose, else the default one."""
    return Path(chosen) if chosen else default_folder()


def installed(folder: Path) -> tuple[StoredModel, ...]:
    """All models with a manifest, by name; a manifest that cannot be read is passed over."""
    found = (_read_manifest(path) for path in sorted(folder.glob("*.json")))
    return tuple(sorted(filter(None, found), key=lambda model: model.name.casefold()))


def find(model_id: str, folder: Path) -> StoredModel | None:
    return next((model for model in installed(folder) if model.id == model_id), None)


def check(path: Path, template: TemplateChoice = TemplateChoice.FROM_FILE) -> GgufHeader:
    """Everything that can be told of a file without native code: its structure, that it is whole,
    and that messages can be marked for it. Raises ModelError.
    """
    header = gguf_header.read(path)
    try:
        prompts.check_template(prompts.template_for(template, header.chat_template, path.name))
    except prompts.UnusableTemplate:
        raise ModelError(Fault.MODEL_BAD_TEMPLATE, path=path.name) from None
    return header


def add(
    path: Path, folder: Path, template: TemplateChoice, copy: bool
) -> Generator[Progress, None, StoredModel]:
    """Check a file of a person's own, add it, as a copy or where it is, and return it.

    Raises ModelError for a file that cannot be used, UserError where the folder or disk refuses.
    """
    path = path.absolute()
    yield Progress(Stage.CHECKING, 0, 1)
    header = check(path, template)
    with locked(folder):
        if known := next((m for m in installed(folder) if m.path == path and m.present), None):
            return known
        for left in folder.glob(f"{_OWN}*{PART}"):  # by a copy that was killed
            with suppress(OSError):
                left.unlink()
        model_id = _free_id(path.stem, folder)
        target, sha256 = path, ""
        if copy and path.parent != folder.absolute():
            target = folder / f"{model_id}.gguf"
            sha256 = yield from _copy(path, target)
        model = StoredModel(
            model_id,
            path.stem,
            target,
            header.file_size,
            template,
            owned=target != path,
            licence=header.license,
            sha256=sha256,
        )
        save(model, folder)
    return model


def save(model: StoredModel, folder: Path) -> None:
    """Offer a model from now on."""
    file = model.path.name if model.owned else str(model.path)
    row = {**asdict(model), "path": file, "added": date.today().isoformat()}
    with writing_to(folder):
        durable.write(folder / f"{model.id}.json", json.dumps(row, indent=2).encode())


def remove(model: StoredModel, folder: Path) -> None:
    """Offer it no longer, and delete the file if TheraGen put it there."""
    with locked(folder), writing_to(folder):
        (folder / f"{model.id}.json").unlink(missing_ok=True)
        if model.owned:
            model.path.unlink(missing_ok=True)


def fetched(file: str, folder: Path) -> int:
    """Bytes of this file that an earlier download left; 0 where there are none."""
    try:
        return (folder / f"{file}{PART}").stat().st_size
    except OSError:
        return 0


def discard(file: str, folder: Path) -> None:
    """Delete what an earlier download left of this file."""
    if not fetched(file, folder):
        return
    with locked(folder), writing_to(folder):
        for path in folder.glob(f"{file}{PART}*"):
            path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One download, import or removal at a time; UserError while another is at work.

    The system's lock ends with the process that holds it, however that ends.
    """
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise UserError(Fault.FOLDER_BUSY, path=str(folder)) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """What the disk has to say becomes a UserError."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(Fault.DISK_FULL, path=str(folder)) from error
        raise UserError(Fault.FOLDER_UNWRITABLE, path=str(folder)) from error


def require_space(folder: Path, need: int) -> None:
    """UserError where the disk has not this many bytes to spare."""
    with writing_to(folder):
        free = shutil.disk_usage(folder).free
    if free < need + _SPARE:
        raise UserError(
            Fault.NO_SPACE,
            path=str(folder),
            need_mib=(need + _SPARE) // _MIB + 1,
            free_mib=free // _MIB,
        )


def write_all(descriptor: int, data: bytes) -> None:
    """Write without a buffer: what was written counts, whatever happens to this process."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def blocks(path: Path) -> Iterator[bytes]:
    """The content of a model file, a mebibyte at a time."""
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise ModelError(Fault.MODEL_UNREADABLE, path=path.name) from error


def _copy(source: Path, target: Path) -> Generator[Progress, None, str]:
    """Returns the SHA-256."""
    total, done, digest = source.stat().st_size, 0, hashlib.sha256()
    require_space(target.parent, total)
    part = target.with_name(target.name + PART)
    try:
        with writing_to(target.parent):
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _O_BINARY, 0o600)
            try:
                for block in blocks(source):
                    write_all(descriptor, block)
                    digest.update(block)
                    done += len(block)
                    yield Progress(Stage.COPYING, done, total)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            gguf_header.read(part)  # the copy too is whole
            durable.rename(part, target)
    finally:
        with suppress(OSError):
            part.unlink()
    return digest.hexdigest()


_O_BINARY = getattr(os, "O_BINARY", 0)  # Windows would change line ends


def _free_id(name: str, folder: Path) -> str:
    """An id made of the file's name that nothing in the folder has, nor the catalogue."""
    base = _OWN + (re.sub(r"[^a-z0-9.]+", "-", name.casefold()).strip("-.") or "model")
    taken = {path.name.casefold() for path in folder.iterdir()}
    tries = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(t for t in tries if not {f"{t}.json", f"{t}.gguf"} & taken)


def _read_manifest(path: Path) -> StoredModel | None:
    try:
        row = json.loads(path.read_bytes())
        row["template"] = TemplateChoice(row["template"])
        model = StoredModel(**{**row, "path": Path(row["path"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if model.id != path.stem:
        return None
    if model.owned:  # a name and never a path: it may be deleted
        return replace(model, path=path.parent / model.path.name)
    return model
