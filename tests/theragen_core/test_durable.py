from __future__ import annotations

import os
from pathlib import Path

import pytest

from theragen_core import durable


def test_a_file_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    durable.write(path, b"one")
    durable.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["file"]


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    path.mkdir(parents=True)
    (path / "kept").touch()
    with pytest.raises(IsADirectoryError):
        durable.write(path, b"new")
    assert os.listdir(path.parent) == ["file"]
    assert os.listdir(path) == ["kept"]
