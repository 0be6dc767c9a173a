"""The ONNX graph against torch, int8 against float32, and independence of a row from its neighbours."""

from pathlib import Path

import numpy as np
import pytest
import torch

from riskpipe.checkpoints import Checkpoint
from riskpipe.export import save_graph
from riskpipe.model import Encoder, ModelConfig
from riskpipe.quantisation import observe_ranges
from riskpipe.runtime import Runtime, convert_to_ort
from riskpipe.transfer import load_into

TEXT_MARKER = 88
CONFIG = ModelConfig(
    vocabulary=90, hidden=32, layers=2, heads=2, feed_forward=64, pair_buckets=50, dropout=0.0, text_marker=TEXT_MARKER
)


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    model = Encoder(CONFIG)
    torch.nn.init.normal_(model.tokens.weight, std=1.0)
    torch.nn.init.normal_(model.classifier.weight, std=0.3)
    torch.nn.init.normal_(model.pairs.table.weight, std=0.1)
    torch.nn.init.normal_(model.novelty)
    # About half of random rows are settled early.
    model.early_exit.cuts.fill_(0.15)
    torch.nn.init.normal_(model.early_exit.weight, std=0.1)
    torch.nn.init.normal_(model.early_exit.bias)
    return Checkpoint.of(model, {})


def opened(checkpoint: Checkpoint, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Which rows the transformer must read."""
    model = checkpoint.build()
    tokens = torch.from_numpy(ids)
    return model.early_exit.opened(tokens, model.pairs(tokens, torch.from_numpy(mask))).numpy()


def rows(count: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.random.default_rng(seed).integers(0, CONFIG.vocabulary, (count, length))
    return ids, np.ones_like(ids)


def shipped(checkpoint: Checkpoint, folder: Path) -> Runtime:
    ranges = observe_ranges(checkpoint.build(), [rows(8, 30, seed) for seed in range(4)])
    save_graph(checkpoint, folder / "model.onnx", ranges)
    convert_to_ort(folder / "model.onnx", folder / "model.ort")
    return Runtime.load(folder / "model.ort")


def test_the_float_graph_is_the_torch_model(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_graph(checkpoint, tmp_path / "model.onnx", None)
    ids, mask = rows(3, 20, 1)
    mask[0, 12:] = 0
    with torch.no_grad():
        expected = checkpoint.build().outputs(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    assert Runtime.load(tmp_path / "model.onnx").outputs(ids, mask) == pytest.approx(expected, abs=1e-4)


def test_rows_leave_early_one_by_one_all_together_or_not_at_all(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_graph(checkpoint, tmp_path / "model.onnx", None)
    runtime, model = Runtime.load(tmp_path / "model.onnx"), checkpoint.build()
    ids, mask = rows(40, 12, 5)
    open_rows = opened(checkpoint, ids, mask)
    assert 5 < open_rows.sum() < 35
    for chosen in (slice(None), open_rows, ~open_rows):
        with torch.no_grad():
            expected = model.outputs(torch.from_numpy(ids[chosen]), torch.from_numpy(mask[chosen])).numpy()
            alone = model.early_exit.settled(model.pairs(torch.from_numpy(ids[chosen]), torch.from_numpy(mask[chosen])))
        found = runtime.outputs(ids[chosen], mask[chosen])
        assert found == pytest.approx(expected, abs=1e-4)
        left = ~open_rows[chosen]
        assert found[left, :-1] == pytest.approx(alone.numpy()[left], abs=1e-4)


def test_of_a_text_only_the_injection_counts(checkpoint: Checkpoint) -> None:
    exit_ = checkpoint.build().early_exit
    pairs = torch.zeros(3, 23)
    pairs[0, 2], pairs[1, 22] = 5.0, 5.0
    exit_.cuts.fill_(1.0)
    command, text = torch.zeros(3, 4, dtype=torch.int64), torch.full((3, 4), TEXT_MARKER)
    assert exit_.opened(command, pairs).tolist() == [True, True, False]
    assert exit_.opened(text, pairs).tolist() == [False, True, False]


def test_int8_stays_near_the_float_model(checkpoint: Checkpoint, tmp_path: Path) -> None:
    ids, mask = rows(6, 24, 2)
    with torch.no_grad():
        expected = checkpoint.build().outputs(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    difference = np.abs(shipped(checkpoint, tmp_path).outputs(ids, mask) - expected)
    assert difference.mean() < 0.05 * expected.std()


def test_a_row_does_not_see_its_neighbours_or_its_padding(checkpoint: Checkpoint, tmp_path: Path) -> None:
    runtime = shipped(checkpoint, tmp_path)
    drawn, full = rows(20, 16, 3)
    open_rows = opened(checkpoint, drawn, full)
    for kind in (open_rows, ~open_rows):
        ids, mask = drawn[kind][:1], full[:1]
        alone = runtime.outputs(ids, mask)
        among, among_mask = rows(5, 40, 4)
        among[2, :16], among_mask[2, 16:] = ids[0], 0
        assert runtime.outputs(among, among_mask)[2] == pytest.approx(alone[0], abs=2e-3)


def test_a_checkpoint_survives_saving(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.pt")
    again = Checkpoint.load(tmp_path / "a.pt")
    assert again.config == CONFIG
    assert all(torch.equal(again.state[name], value) for name, value in checkpoint.state.items())


def test_weights_move_to_a_longer_list_of_markers(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.pt")
    grown = Encoder(ModelConfig(**{**CONFIG.to_dict(), "vocabulary": 95}))
    load_into(grown, tmp_path / "a.pt")
    assert torch.equal(grown.tokens.weight[:90], checkpoint.state["tokens.weight"])
