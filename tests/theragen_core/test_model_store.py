"""The model folder, with real files; what is downloaded to it is tested in test_download."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.support import gguf_files
from tests.support.gguf_files import LLAMA2_TEMPLATE, chat_model, header, tensor
from tests.support.model_peer import large_model
from theragen_core import model_profile, model_store
from theragen_core.errors import UserError
from theragen_core.faults import Fault
from theragen_core.model_store import Progress, Stage, StoredModel
from theragen_core.protocol import TemplateChoice

FROM_FILE = TemplateChoice.FROM_FILE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file of a person's own, of more than one block."""
    path = tmp_path / "My Own Model.gguf"
    path.write_bytes(large_model())
    return path


def add(path: Path, folder: Path, template: TemplateChoice = FROM_FILE, copy: bool = True) -> str:
    """The id that it got."""
    before = {model.id for model in model_store.installed(folder)}
    list(model_store.add(path, folder, template, copy))
    return next(model.id for model in model_store.installed(folder) if model.id not in before)


def get(model_id: str, folder: Path) -> StoredModel:
    model = model_store.find(model_id, folder)
    assert model is not None
    return model


def refusal(path: Path, folder: Path, template: TemplateChoice = FROM_FILE) -> Fault:
    with pytest.raises(UserError) as caught:
        list(model_store.add(path, folder, template, copy=True))
    return caught.value.fault


def test_a_copy_is_checked_hashed_and_offered(own: Path, folder: Path) -> None:
    told = list(model_store.add(own, folder, FROM_FILE, copy=True))

    model = get("own-my-own-model", folder)
    assert (model.name, model.owned, model.present) == ("My Own Model", True, True)
    assert model.path.parent == folder
    assert model.path.read_bytes() == own.read_bytes()
    assert len(model.sha256) == 64
    assert told[0].stage is Stage.CHECKING
    assert told[-1] == Progress(Stage.COPYING, model.size, model.size)
    assert stat.S_IMODE(model.path.stat().st_mode) == 0o600


def test_a_file_can_stay_where_it_is(own: Path, folder: Path) -> None:
    model = get(add(own, folder, copy=False), folder)
    assert (model.path, model.owned, model.present) == (own, False, True)
    assert {path.suffix for path in folder.iterdir() if path.name != ".lock"} == {".json"}

    own.write_bytes(b"other")
    assert not get(model.id, folder).present
    own.unlink()
    assert not get(model.id, folder).present


def test_what_is_in_the_folder_already_is_not_copied(folder: Path, own: Path) -> None:
    folder.mkdir()
    inside = own.rename(folder / "mine.gguf")
    model = get(add(inside, folder), folder)
    assert (model.path, model.owned) == (inside, False)


def test_removal_deletes_what_was_copied_and_nothing_else(own: Path, folder: Path) -> None:
    copied, linked = get(add(own, folder), folder), get(add(own, folder, copy=False), folder)
    for model in (copied, linked):
        model_store.remove(model, folder)
    assert model_store.installed(folder) == ()
    assert os.listdir(folder) == [".lock"]
    assert own.exists()
    model_store.remove(copied, folder)  # gone already


def test_equal_names_get_ids_of_their_own(own: Path, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / own.name
    other.parent.mkdir()
    other.write_bytes(own.read_bytes())
    ids = [add(own, folder), add(other, folder), add(own, folder, copy=False)]
    assert ids == ["own-my-own-model", "own-my-own-model-2", "own-my-own-model-3"]
    assert len({get(one, folder).path for one in ids}) == 3


def test_the_same_file_is_not_listed_twice(own: Path, folder: Path) -> None:
    add(own, folder, copy=False)
    list(model_store.add(own, folder, FROM_FILE, copy=False))
    assert len(model_store.installed(folder)) == 1


@pytest.mark.parametrize("name", ["…", "...", "Ä ö", "con", "-"])
def test_odd_names_become_plain_ids(own: Path, folder: Path, name: str) -> None:
    path = own.rename(own.with_name(f"{name}.gguf"))
    model_id = add(path, folder)
    assert model_id.isascii()
    assert get(model_id, folder).name == name


def test_the_starter_model_can_be_added(folder: Path) -> None:
    model = get(add(model_profile.starter_path(), folder), folder)
    assert model_store.check(model.path).context_length == 8192


# Files that are refused, before anything is copied ----------------------------------------------


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", Fault.MODEL_NOT_GGUF),
        (b"GGUF", Fault.MODEL_TRUNCATED),
        (b"not a model at all", Fault.MODEL_NOT_GGUF),
        (chat_model(tokenizer__chat_template=LLAMA2_TEMPLATE)[:-1], Fault.MODEL_TRUNCATED),
        (chat_model(general__architecture="gemma"), Fault.MODEL_WRONG_KIND),
        (chat_model(general__type="adapter"), Fault.MODEL_WRONG_KIND),
        (chat_model(), Fault.MODEL_NEEDS_TEMPLATE),
        (chat_model(tokenizer__chat_template="{{ broken"), Fault.MODEL_BAD_TEMPLATE),
        (chat_model(tokenizer__chat_template="Hello."), Fault.MODEL_BAD_TEMPLATE),
        (
            chat_model(tokenizer__chat_template="{{ ''.__class__.__mro__ }}"),
            Fault.MODEL_BAD_TEMPLATE,
        ),
        (chat_model(tokenizer__chat_template="{{ 1 // 0 }}"), Fault.MODEL_BAD_TEMPLATE),
    ],
)
def test_what_is_no_chat_model_is_refused(
    tmp_path: Path, folder: Path, content: bytes, fault: Fault
) -> None:
    path = tmp_path / "file.gguf"
    path.write_bytes(content)
    assert refusal(path, folder) is fault
    assert not folder.exists()


@pytest.mark.parametrize("shape", [[2**63], [2**40, 2**40], [2**47, 2, 2**20]])
def test_sizes_that_overflow_are_refused(tmp_path: Path, folder: Path, shape: list[int]) -> None:
    sizes = {"general.architecture": "llama", **gguf_files.LLAMA_SIZES}
    path = tmp_path / "file.gguf"
    path.write_bytes(header(sizes, tensors=1) + tensor("output.weight", shape) + bytes(512))
    assert refusal(path, folder) in (Fault.MODEL_DAMAGED, Fault.MODEL_TRUNCATED)


def test_a_file_that_does_not_say_how_turns_are_marked(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "old.gguf"
    path.write_bytes(chat_model())
    model = get(add(path, folder, TemplateChoice.LLAMA2), folder)
    assert model.template is TemplateChoice.LLAMA2


def test_files_that_are_not_there_or_not_files(tmp_path: Path, folder: Path) -> None:
    assert refusal(tmp_path / "none.gguf", folder) is Fault.MODEL_MISSING
    assert refusal(tmp_path, folder) is Fault.MODEL_UNREADABLE


# The folder -------------------------------------------------------------------------------------


def test_a_copy_that_is_given_up_leaves_nothing(own: Path, folder: Path) -> None:
    job = model_store.add(own, folder, FROM_FILE, copy=True)
    next(progress for progress in job if progress.stage is Stage.COPYING)
    job.close()
    assert os.listdir(folder) == [".lock"]
    add(own, folder)


def test_what_a_killed_copy_left_is_cleared_away_by_the_next(own: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "own-other.gguf.part").write_bytes(b"left")
    (folder / "catalogue.gguf.part").write_bytes(b"a paused download")
    add(own, folder)
    assert not (folder / "own-other.gguf.part").exists()
    assert (folder / "catalogue.gguf.part").exists()


def test_a_folder_that_cannot_be(own: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(own, tmp_path / "file" / "models") is Fault.FOLDER_UNWRITABLE


def test_too_little_room(own: Path, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        model_store.require_space(tmp_path, 10**17)
    assert caught.value.fault is Fault.NO_SPACE
    assert caught.value.details["path"] == str(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"id": "other"}', "null", b"\xff\xfe"],
)
def test_a_manifest_that_is_none_is_passed_over(
    own: Path, folder: Path, content: str | bytes
) -> None:
    model_id = add(own, folder)
    data = content if isinstance(content, bytes) else content.encode()
    (folder / "broken.json").write_bytes(data)
    assert [model.id for model in model_store.installed(folder)] == [model_id]


def test_a_manifest_never_points_removal_at_a_file_elsewhere(own: Path, folder: Path) -> None:
    model_id = add(own, folder)
    manifest = folder / f"{model_id}.json"
    row = {**json.loads(manifest.read_text()), "path": f"../{own.name}"}
    manifest.write_text(json.dumps(row))
    model_store.remove(get(model_id, folder), folder)
    assert own.exists()


def test_no_folder_holds_no_models(folder: Path) -> None:
    assert model_store.installed(folder) == ()
    assert model_store.fetched("a.gguf", folder) == 0
    model_store.discard("a.gguf", folder)
    assert not folder.exists()


def test_the_folder_is_the_chosen_one_or_that_of_the_system(home: Path) -> None:
    assert model_store.folder_for("/somewhere") == Path("/somewhere")
    assert home in model_store.folder_for("").parents
