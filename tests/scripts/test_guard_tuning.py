"""The tuning of the guard's encoder, on a small one; skipped where PyTorch is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch comes with the extra `guard` only")
transformers = pytest.importorskip("transformers", reason="comes with the extra `guard` only")

from scripts.guard import tune_encoder  # noqa: E402
from scripts.guard.examples import _message, _reply  # noqa: E402

EXAMPLES = [
    _message(0, "", "soup", f"I made soup for {n} and then we sang") for n in range(150)
] + [_reply("", f"You are to blame for {n} of these things", "shame") for n in range(50)]


def _small() -> object:
    config = transformers.MPNetConfig(
        vocab_size=30_527, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return transformers.MPNetModel(config, add_pooling_layer=False)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> type[tune_encoder.Reader]:
    monkeypatch.setattr(tune_encoder, "_pretrained", _small)
    monkeypatch.setattr(tune_encoder, "WIDTH", 16)
    monkeypatch.setattr(tune_encoder, "KEPT", 3)
    torch.manual_seed(0)
    return tune_encoder.Reader


def _tuned(made: tune_encoder.Reader, kept: Path | None) -> list[Any]:
    tune_encoder.tune(made, EXAMPLES, 2, 1e-3, kept)
    return [*made.state_dict().values()]


def test_stopped_and_gone_on_with_it_is_the_same(
    reader: type[tune_encoder.Reader], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = reader()
    begun = {name: value.clone() for name, value in made.state_dict().items()}
    whole = [value.clone() for value in _tuned(made, None)]
    made.load_state_dict(begun)
    right, steps = tune_encoder._loss, 0

    def stopping(*given: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 8:
            raise KeyboardInterrupt
        return right(*given)

    monkeypatch.setattr(tune_encoder, "_loss", stopping)
    with pytest.raises(KeyboardInterrupt):
        _tuned(made, tmp_path / "work" / "part.pt")
    again = _tuned(reader(), tmp_path / "work" / "part.pt")
    assert all(map(torch.equal, whole, again))
    left = steps
    assert all(map(torch.equal, whole, _tuned(reader(), tmp_path / "work" / "part.pt")))
    assert steps == left  # nothing was left to do


def test_another_training_is_not_gone_on_with(
    reader: type[tune_encoder.Reader], tmp_path: Path
) -> None:
    kept = tmp_path / "part.pt"
    _tuned(reader(), kept)
    with pytest.raises(SystemExit, match="other examples or settings: remove it"):
        tune_encoder.tune(reader(), EXAMPLES[1:], 2, 1e-3, kept)
    kept.write_bytes(kept.read_bytes()[:1000])
    with pytest.raises(SystemExit, match="cannot be read: remove it"):
        _tuned(reader(), kept)
    torch.save([1], kept)
    with pytest.raises(SystemExit, match="other examples or settings: remove it"):
        _tuned(reader(), kept)


@pytest.mark.parametrize("broken", [b"", b"hello, this is a note\n", bytes(500), b"PK\x03\x04 cut"])
def test_what_is_no_checkpoint_is_named(
    reader: type[tune_encoder.Reader], tmp_path: Path, broken: bytes
) -> None:
    kept = tmp_path / "part.pt"
    kept.write_bytes(broken)
    with pytest.raises(SystemExit, match="cannot be read: remove it"):
        _tuned(reader(), kept)


def test_work_is_kept_in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.touch()
    monkeypatch.setattr("sys.argv", ["tune_encoder", "--work", str(file)])
    with pytest.raises(SystemExit, match="is no folder"):
        tune_encoder.main()
