"""Texts as vectors: the guard's sentence encoder, int8, through onnxruntime.

The only file that knows onnxruntime and the tokenizer. The weights, six layers of all-mpnet-base-v2
tuned by scripts/guard, are checked by SHA-256 before they are run. Opens no connection; keeps no
text, only vectors. One text a run: with several, the rounding of one would depend on the others.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import BertWordPieceTokenizer

from theragen_core.identity import neutral
from theragen_core.resources import ROOT, read_json

Vector = npt.NDArray[np.float32]  # (768,), of length 1

FOLDER = ROOT / "guard"
WINDOW, STEP = 128, 96  # tokens that are read at a time, and how far the next window is
MOST_WINDOWS = 8  # of a longer text, its beginning and its end are read
MOST_CHARACTERS = 24_000  # no more than this is tokenised, half from each end
REMEMBERED = 512  # vectors of windows, 3 kB each
MOST_ANSWERED = 32  # tokens of what a reply answers, its last ones
THREADS = 2  # the same vectors as with one, in two thirds of the time

_CLS, _SEP = 0, 2


class EncoderUnavailable(Exception):
    """The weights are missing or not the ones that the heads were trained on."""


class Encoder:
    """Loads in about a third of a second and holds about 190 MB."""

    def __init__(
        self, weights: Path = FOLDER / "encoder.onnx", threads: int = THREADS, sha256: str = ""
    ) -> None:
        """`sha256`: of other weights than those of the shipped heads. Raises EncoderUnavailable."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Without VNNI, sums of int8 products would overflow otherwise: vectors without sense.
        options.add_session_config_entry("session.x64quantprecision", "1")
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            _checked(weights, sha256), options, providers=["CPUExecutionProvider"]
        )
        self._tokens = Tokens()
        self._known: dict[bytes, Vector] = {}  # by a hash: no text is kept

    def encode(self, text: str, answered: str = "", reply: bool = False) -> list[Vector]:
        """A vector for each window of the text; a `reply` is read behind what it answers."""
        answered, text = neutral(_ends(answered)), _ends(text)
        text = text if reply else neutral(text)
        return [self._run(ids) for ids in self._tokens.windows(text, answered, reply)]

    def _run(self, ids: list[int]) -> Vector:
        """Windows come again while a text is written, and with every later message."""
        row = np.array([ids], dtype=np.int64)
        key = hashlib.sha256(row.tobytes()).digest()
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = self._session.run(None, {"ids": row})[0][0]
        return self._known[key]


class Tokens:
    """Texts as the encoder reads them."""

    def __init__(self) -> None:
        self._tokenizer = BertWordPieceTokenizer(
            str(FOLDER / "vocab.txt"), cls_token="<s>", sep_token="</s>", pad_token="<pad>",
            mask_token="<mask>", lowercase=True,
        )  # fmt: skip

    def windows(self, text: str, answered: str = "", reply: bool = False) -> list[list[int]]:
        """Ids of <s> text </s>, or of <s> answered </s> text </s> for a reply."""
        before = [*self._ids(answered)[-MOST_ANSWERED:], _SEP] if reply else []
        parts = _windows(self._ids(text), WINDOW - 2 - len(before))
        return [[_CLS, *before, *part, _SEP] for part in parts]

    def _ids(self, text: str) -> list[int]:
        plain = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        plain = plain.encode("utf-8", errors="replace").decode()  # without lone surrogates
        ids: list[int] = self._tokenizer.encode(plain, add_special_tokens=False).ids
        return ids


def _ends(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return text[: MOST_CHARACTERS // 2] + "\n" + text[-MOST_CHARACTERS // 2 :]


def _windows(ids: list[int], room: int) -> list[list[int]]:
    if len(ids) <= room:
        return [ids]
    step = max(1, room - (WINDOW - STEP))
    found = [ids[start : start + room] for start in range(0, len(ids) - room + step, step)]
    half = MOST_WINDOWS // 2
    return found if len(found) <= MOST_WINDOWS else [*found[:half], *found[-half:]]


def _checked(path: Path, sha256: str) -> bytes:
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise EncoderUnavailable("not readable") from error
    expected = sha256 or read_json("guard/heads.json")["encoder_sha256"]
    if hashlib.sha256(weights).hexdigest() != expected:
        raise EncoderUnavailable("other weights than those the heads were trained on")
    return weights
